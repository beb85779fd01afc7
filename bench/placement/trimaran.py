"""Trimaran's two load-aware plugins of kubernetes-sigs/scheduler-plugins, as their code scores (read at 903da7d).

Kinder than the real ones: they see each sample as soon as Loadstar does, and not up to 90 s later by way of the load
watcher; the deviation is over the last 15 minutes of these samples, where the default provider has none at all.
"""

from __future__ import annotations

from collections import deque
from statistics import pstdev

from bench.placement.rival import Rival, shares
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.simulate.job import Job
from loadstar.simulate.meter import Reading
from loadstar.simulate.site import Site

TARGET = 40.0
REPORTING = 60.0
MULTIPLIER = 1.5
BARE_CPU = 1000
HISTORY = 900.0


class TargetLoadPacking(Rival):
    """Packs up to 40 % of CPU, spreads above it; Pods bound in the last minute before the sample count as 1.5 times
    their request, or as a core.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._bound: dict[str, dict[int, tuple[float, float]]] = {}

    def cost(self, view: NodeView, job: Job, requests: Quantities, site: Site) -> float:
        """The score, negated, as the whole number that it is."""
        found = shares(view)
        if found is None or view.load is None or view.load.cpu is None:
            return 0.0
        recent = self._bound.get(view.node.name, {})
        since = view.load.cpu.timestamp - REPORTING
        for number in [number for number, (at, _) in recent.items() if at <= since]:
            del recent[number]
        added = estimate(requests) + sum(cpu for _, cpu in recent.values())
        used = 100 * (found[0] + added / view.node.allocatable[CPU])
        if used > 100:
            return 0.0
        points = (100 - TARGET) * used / TARGET + TARGET if used <= TARGET else TARGET * (100 - used) / (100 - TARGET)
        return -round(points)

    def placed(self, job: Job, node: str, site: Site) -> None:
        """Remembered for a minute of samples."""
        self._bound.setdefault(node, {})[job.number] = site.now, estimate(site.asked(job, self))

    def ended(self, job: Job, node: str, site: Site) -> None:
        """Its cache forgets deleted Pods."""
        self._bound.get(node, {}).pop(job.number, None)


def estimate(requests: Quantities) -> float:
    """Millicores."""
    return MULTIPLIER * requests[CPU] if requests.get(CPU) else BARE_CPU


class LoadVariationRiskBalancing(Rival):
    """The least (mean + deviation) / 2 of the worse of CPU and memory; margin and sensitivity are 1. What was bound
    since the sample does not count.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._history: dict[str, deque[tuple[float, float, float]]] = {}
        self._sigma: dict[str, tuple[float, float]] = {}

    def read(self, reading: Reading, site: Site) -> None:
        """Keep 15 minutes."""
        load = reading.load
        if load.cpu is None or load.memory is None:
            return
        kept = self._history.setdefault(reading.node, deque())
        kept.append((load.cpu.timestamp, load.cpu.value, load.memory.value))
        while kept[0][0] < load.cpu.timestamp - HISTORY:
            kept.popleft()
        self._sigma[reading.node] = pstdev(item[1] for item in kept), pstdev(item[2] for item in kept)

    def cost(self, view: NodeView, job: Job, requests: Quantities, site: Site) -> float:
        """The score, negated, as the whole number that it is."""
        found = shares(view)
        if found is None:
            return 0.0
        has, sigma = view.node.allocatable, self._sigma[view.node.name]
        risk = max(
            (min(1.0, mean + asked / room) + min(1.0, deviation / room)) / 2
            for mean, deviation, asked, room in (
                (found[0], sigma[0] * 1000, requests.get(CPU, 0), has[CPU]),
                (found[1], sigma[1], requests.get(MEMORY, 0), has[MEMORY]),
            )
        )
        return -round(100 * (1 - risk))
