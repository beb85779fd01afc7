"""The share of the machine that a node gets: CPU quota, memory limit, I/O throttle (cgroup v1).

A node's own cgroup carries the limits; below it `system` holds the node's daemons and `kubepods` is the kubelet's.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import BedError

ROOT = Path("/sys/fs/cgroup")
REQUIRED = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")
GENERIC = {"rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "xattr", "clone_children", "cpuset_v2_mode"}
"""Mount options that name no controller."""
NODE_CPU_MILLICORES = 400
NODE_MEMORY_BYTES = 1536 * 2**20
EVICTION_BYTES = 100 * 2**20
IO_BYTES_PER_SECOND = 20 * 2**20
PERIOD_MICROSECONDS = 100_000
SYSTEM_SHARES = 8192
"""The daemons' weight against the Pods': a burner in a Pod must not make the node NotReady."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted tree of cgroups and the mount options that name its controllers: "cpu,cpuacct"."""

    path: Path
    options: str

    @property
    def controllers(self) -> list[str]:
        """The controllers it has; "name=systemd" for a tree without any."""
        return self.options.split(",")

    @property
    def mount_options(self) -> str:
        """What mount needs to show the same tree again."""
        return f"none,{self.options}" if self.options.startswith("name=") else self.options


def parse_mounts(mounts: str) -> list[Hierarchy]:
    """The cgroup v1 trees in the text of /proc/mounts, each once."""
    found: dict[str, Hierarchy] = {}
    for line in mounts.splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == "cgroup" and path.startswith(f"{ROOT}/"):
            names = [word for word in options.split(",") if word not in GENERIC and "release_agent" not in word]
            found.setdefault(",".join(names), Hierarchy(Path(path), ",".join(names)))
    return list(found.values())


def hierarchies() -> list[Hierarchy]:
    """This machine's cgroup v1 trees."""
    return parse_mounts(Path("/proc/mounts").read_text())


def throttled() -> Hierarchy:
    """The tree that throttles I/O. Raises StopIteration without one: see `require_v1`."""
    return next(item for item in hierarchies() if "blkio" in item.controllers)


def require_v1() -> None:
    """Raise BedError where the machine lacks the cgroup v1 controllers that the kubelet and the limits need."""
    present = {name for hierarchy in hierarchies() for name in hierarchy.controllers}
    absent = [name for name in REQUIRED if name not in present]
    if absent:
        raise BedError(
            f"the test bed needs cgroup v1 controllers under {ROOT} (absent: {', '.join(absent)}); cgroup v2 alone is "
            "not supported yet. Boot with systemd.unified_cgroup_hierarchy=0, or set KUBECONFIG to a cluster of yours "
            "(kind, minikube, k3s, any other): then no bed is needed"
        )


def reserved(cpus: int, memory_kib: int) -> dict[str, str]:
    """The kubelet's systemReserved that leaves just the node's quota and limit allocatable.

    `evictionHard` is subtracted by the kubelet as well. Raises BedError for a machine that is too small.
    """
    cpu = cpus * 1000 - NODE_CPU_MILLICORES
    memory = memory_kib * 1024 - EVICTION_BYTES - NODE_MEMORY_BYTES
    if cpu < 0 or memory < 0:
        raise BedError("this machine is too small for even one node: 1 core and 2 GiB are the least")
    return {"cpu": f"{cpu}m", "memory": str(memory)}


def machine() -> tuple[int, int]:
    """Cores and KiB of memory of this machine, as the kubelet sees them."""
    meminfo = Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0]
    return os.cpu_count() or 1, int(meminfo)


@dataclass(frozen=True, slots=True)
class NodeCgroup:
    """The cgroup of a node in every hierarchy; `name` is unique on the machine."""

    name: str

    def make(self, backing: Path) -> list[str]:
        """Make it with its limits; returns notes on what could not be limited."""
        for hierarchy in hierarchies():
            node = hierarchy.path / self.name
            system = node / "system"
            system.mkdir(parents=True, exist_ok=True)
            if "cpuset" in hierarchy.controllers:
                for name in ("cpuset.cpus", "cpuset.mems"):
                    value = (hierarchy.path / name).read_text()
                    (node / name).write_text(value)
                    (system / name).write_text(value)
            if "cpu" in hierarchy.controllers:
                (node / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
                (node / "cpu.cfs_quota_us").write_text(str(PERIOD_MICROSECONDS * NODE_CPU_MILLICORES // 1000))
                (system / "cpu.shares").write_text(str(SYSTEM_SHARES))
            if "memory" in hierarchy.controllers:
                (node / "memory.limit_in_bytes").write_text(str(NODE_MEMORY_BYTES))
        return self._throttle(backing)

    def _throttle(self, backing: Path) -> list[str]:
        """Limit direct I/O on the disk below `backing`."""
        try:
            line = f"{disk(backing.stat().st_dev)} {IO_BYTES_PER_SECOND}"
            for kind in ("read", "write"):
                (throttled().path / self.name / f"blkio.throttle.{kind}_bps_device").write_text(line)
        except OSError as error:
            return [f"{self.name}: I/O is not throttled ({error})"]
        return []

    def entry(self) -> str:
        """A line of shell that moves the shell among the node's daemons.

        Throttles of cgroup v1 do not reach into children, so for blkio the whole node is one cgroup.
        """
        files = [
            item.path / self.name / ("" if "blkio" in item.controllers else "system") / "cgroup.procs"
            for item in hierarchies()
        ]
        return "; ".join(f"echo $$ > {file}" for file in files)

    def root_entry(self) -> str:
        """The same for the node's first process, whose cgroup is what the node sees as `/`."""
        return "; ".join(f"echo $$ > {item.path / self.name / 'cgroup.procs'}" for item in hierarchies())

    def _paths(self) -> list[Path]:
        return [path for path in ROOT.glob(f"*/{self.name}") if path.is_dir()]

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


def disk(device: int, devices: Path = Path("/sys/dev/block")) -> str:
    """The whole disk, as "major:minor", of a device number: partitions cannot be throttled. Raises OSError."""
    entry = (devices / f"{os.major(device)}:{os.minor(device)}").resolve(strict=True)
    whole = entry.parent if (entry / "partition").exists() else entry
    return (whole / "dev").read_text().strip()


def leftovers(bed: str) -> list[NodeCgroup]:
    """The cgroups of a bed's nodes that exist, however they came to be."""
    return [NodeCgroup(name) for name in sorted({path.name for path in ROOT.glob(f"*/ls-{bed}-node-*")})]
