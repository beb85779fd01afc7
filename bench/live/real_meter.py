"""What real nodes use, read where their quotas are: the cgroups, every second, beside what the machine has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean, pstdev

from bench.live.real_burner import since_boot
from bench.throughput.usage import Usage
from tests.cluster.cgroups import NodeCgroup, hierarchies

PERIOD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """At a moment by the clock of burners: CPU seconds so far, seconds for which the quota held it back, bytes held."""

    at: float
    cpu: Mapping[str, float]
    throttled: Mapping[str, float]
    memory: Mapping[str, int]


@dataclass(slots=True)
class Meter:
    """Looks at these nodes' cgroups, by the name of the node."""

    nodes: Mapping[str, NodeCgroup]
    looks: list[Look] = field(default_factory=list)
    idle: float = 1.0
    """Which share of the machine was left over meanwhile."""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look every second from now on."""
        self.looks.append(self.look())
        before = Usage.read({})
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            self.looks.append(self.look())
            after = Usage.read({})
            self.idle = (after.idle - before.idle) / max(0.01, after.machine - before.machine)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            self.looks.append(self.look())

    def look(self) -> Look:
        """One look at all of them. Raises OSError for a node that is down."""
        trees = {name: tree.path for tree in hierarchies() for name in tree.controllers}
        cpu, throttled, memory = {}, {}, {}
        for name, cgroup in self.nodes.items():
            cpu[name] = int((trees["cpuacct"] / cgroup.name / "cpuacct.usage").read_text()) / 1e9
            throttled[name] = held_back(trees["cpu"] / cgroup.name)
            memory[name] = int((trees["memory"] / cgroup.name / "memory.usage_in_bytes").read_text())
        return Look(since_boot(), cpu, throttled, memory)


def held_back(cgroup: Path) -> float:
    """Seconds for which a cgroup was throttled so far."""
    fields = dict(line.split() for line in (cgroup / "cpu.stat").read_text().splitlines())
    return int(fields["throttled_time"]) / 1e9


def uses(looks: Sequence[Look], cores: float, since: float, until: float) -> list[dict[str, float]]:
    """Between looks of that time, the share of its cores that each node used."""
    inside = [look for look in looks if since <= look.at <= until]
    return [
        {name: (after.cpu[name] - before.cpu[name]) / (after.at - before.at) / cores for name in after.cpu}
        for before, after in pairwise(inside)
    ]


def deviation(shares: Sequence[Mapping[str, float]]) -> float:
    """The deviation over nodes of the shares that they use, in the mean over time."""
    return fmean([pstdev(each.values()) for each in shares] or [0.0])


def mean(shares: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By node, in the mean over time."""
    return {name: fmean(each[name] for each in shares) for name in (shares[0] if shares else ())}
