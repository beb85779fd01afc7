"""What a bed leaves on the machine, found by its name alone, and the removal of it.

Nothing here needs the bed's records to be whole: `up` may have been killed at any point.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import cgroups
from tests.cluster.errors import BedError
from tests.cluster.facts import home
from tests.cluster.network import Network
from tests.cluster.processes import Daemon, run

GONE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Remains:
    """What there is of the bed `name`."""

    name: str

    @property
    def folder(self) -> Path:
        """Its state."""
        return home() / self.name

    def processes(self) -> set[int]:
        """The pids of its daemons and of all that runs in its namespaces and cgroups."""
        found = set(Network(self.name, 0).pids())
        for group in cgroups.leftovers(self.name):
            found.update(group.pids())
        for record in self.folder.glob("*/*.json"):
            pid = Daemon(record.parent, record.stem).pid()
            found.update([] if pid is None else [pid])
        return found

    def mounts(self) -> list[str]:
        """Its mounts in the machine's own mount namespace, the innermost first."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        spaces = {f"/run/netns/{name}" for name in Network(self.name, 0).namespaces()}
        return [path for path in reversed(mounts) if path.startswith(f"{self.folder}/") or path in spaces]

    def report(self) -> list[str]:
        """One line for each thing that is there; empty when the bed is wholly down."""
        network = Network(self.name, 0)
        found = [f"process {pid}" for pid in sorted(self.processes())]
        found += [f"network namespace {name}" for name in network.namespaces()]
        found += [f"network interface {name}" for name in network.interfaces()]
        found += [f"mount {path}" for path in self.mounts()]
        found += [f"cgroup {group.name}" for group in cgroups.leftovers(self.name)]
        return [*found, f"folder {self.folder}"] if self.folder.exists() else found

    def clear(self) -> None:
        """Remove everything. Raises BedError with what would not go."""
        end = time.monotonic() + GONE_SECONDS
        while (pids := self.processes()) and time.monotonic() < end:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        Network(self.name, 0).remove()
        while (groups := cgroups.leftovers(self.name)) and time.monotonic() < end:
            for group in groups:
                group.remove()
            time.sleep(0.02)
        for mount in self.mounts():
            run("umount", "-l", mount, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            home().rmdir()
        if left := self.report():
            raise BedError(f"bed {self.name} does not go away: {', '.join(left)}")
