"""The share of the machine that a node gets: CPU quota, memory limit, I/O throttle (cgroup v1)."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import BedError

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")
OPTIONAL = ("systemd", "unified")
NODE_CPU_MILLICORES = 400
NODE_MEMORY_BYTES = 1536 * 2**20
EVICTION_BYTES = 100 * 2**20
IO_BYTES_PER_SECOND = 20 * 2**20
PERIOD_MICROSECONDS = 100_000
SYSTEM_SHARES = 8192
"""The kubelet's and containerd's weight against the Pods': a burner in a Pod must not make the node NotReady."""


def require_v1() -> None:
    """Raise BedError where the machine has no cgroup v1 controllers."""
    absent = [name for name in CONTROLLERS if not (ROOT / name).is_dir()]
    if absent:
        raise BedError(
            f"the test bed needs cgroup v1 controllers under {ROOT} (absent: {', '.join(absent)}); "
            "with KUBECONFIG set to a cluster of yours none of this is needed"
        )


def reserved(cpus: int, memory_kib: int) -> dict[str, str]:
    """The kubelet's systemReserved that leaves just the node's quota and limit allocatable."""
    memory = memory_kib * 1024 - EVICTION_BYTES - NODE_MEMORY_BYTES
    return {"cpu": f"{cpus * 1000 - NODE_CPU_MILLICORES}m", "memory": str(max(0, memory))}


def machine() -> tuple[int, int]:
    """Cores and KiB of memory of this machine, as the kubelet sees them."""
    meminfo = Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0]
    return os.cpu_count() or 1, int(meminfo)


@dataclass(frozen=True, slots=True)
class NodeCgroup:
    """The cgroup of a node in every hierarchy; `name` is unique on the machine."""

    name: str

    def _paths(self) -> list[Path]:
        return [
            ROOT / controller / self.name for controller in (*CONTROLLERS, *OPTIONAL) if (ROOT / controller).is_dir()
        ]

    def make(self, backing: Path) -> list[str]:
        """Make it with its limits; returns notes on what could not be limited."""
        for path in self._paths():
            path.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            (ROOT / "cpuset" / self.name / name).write_text((ROOT / "cpuset" / name).read_text())
        quota = PERIOD_MICROSECONDS * NODE_CPU_MILLICORES // 1000
        (ROOT / "cpu" / self.name / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
        (ROOT / "cpu" / self.name / "cpu.cfs_quota_us").write_text(str(quota))
        (ROOT / "memory" / self.name / "memory.limit_in_bytes").write_text(str(NODE_MEMORY_BYTES))
        for path in self._paths():
            (path / "system").mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            (ROOT / "cpuset" / self.name / "system" / name).write_text((ROOT / "cpuset" / name).read_text())
        (ROOT / "cpu" / self.name / "system" / "cpu.shares").write_text(str(SYSTEM_SHARES))
        return self._throttle(backing)

    def _throttle(self, backing: Path) -> list[str]:
        device = backing.stat().st_dev
        line = f"{os.major(device)}:{os.minor(device)} {IO_BYTES_PER_SECOND}"
        try:
            for kind in ("read", "write"):
                (ROOT / "blkio" / self.name / f"blkio.throttle.{kind}_bps_device").write_text(line)
        except OSError as error:
            return [f"{self.name}: I/O is not throttled ({error})"]
        return []

    def entry(self, child: str = "") -> str:
        """A line of shell that moves the shell into the cgroup."""
        files = [path / child / "cgroup.procs" for path in self._paths()]
        return "; ".join(f"echo $$ > {file}" for file in files)

    def pids(self) -> list[int]:
        """Every process in it or below."""
        found: set[int] = set()
        for path in self._paths():
            for file in path.rglob("cgroup.procs"):
                with contextlib.suppress(OSError):
                    found.update(int(word) for word in file.read_text().split())
        return sorted(found - {0})

    def remove(self) -> None:
        """Remove it with everything below; its processes must be gone."""
        for path in self._paths():
            folders = sorted((p for p in path.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts))
            for folder in [*folders, path]:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def leftovers(bed: str) -> list[NodeCgroup]:
    """The cgroups of a bed's nodes that exist, however they came to be."""
    return [NodeCgroup(path.name) for path in sorted((ROOT / "cpu").glob(f"ls-{bed}-node-*")) if path.is_dir()]
