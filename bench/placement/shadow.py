"""Schedulers that add to a mean of five minutes what they bound of late: Koordinator LoadAware and Volcano usage.

As their code scores (koordinator a7a1b76, volcano ed72c7c). Their filters by utilisation are off: at the loads of the
benchmark these would make Tasks wait for most of the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import fmean

from bench.placement.rival import Rival, estimate_of
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.simulate.job import Job
from loadstar.simulate.meter import Reading
from loadstar.simulate.site import Site

WINDOW = 300.0


class Shadow(Rival):
    """A mean over five minutes of samples, renewed every `report` seconds, and Pods that it does not show yet."""

    report = 60.0
    """Seconds between two means."""
    cpu_share, memory_share = 1.0, 1.0
    """What of its request a Pod is taken to use."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._history: dict[str, deque[tuple[float, float, float]]] = {}
        self._means: dict[str, tuple[float, float, float]] = {}
        self._bound: dict[str, dict[int, tuple[float, float, float]]] = {}
        self._uses: dict[int, tuple[float, float]] = {}

    def read(self, reading: Reading, site: Site) -> None:
        """Keep five minutes; renew the mean when it is time."""
        load = reading.load
        if load.cpu is None or load.memory is None:
            return
        kept = self._history.setdefault(reading.node, deque())
        kept.append((load.cpu.timestamp, load.cpu.value * 1000, load.memory.value))
        while kept[0][0] < load.cpu.timestamp - WINDOW:
            kept.popleft()
        known = self._means.get(reading.node)
        if known is None or load.cpu.timestamp - known[0] >= self.report:
            mean = fmean(item[1] for item in kept), fmean(item[2] for item in kept)
            self._means[reading.node] = (load.cpu.timestamp, *mean)
            for job, use in reading.uses.values():
                self._uses[job.number] = use.cpu or 0.0, use.memory or 0.0

    def placed(self, job: Job, node: str, site: Site) -> None:
        """Estimated from now on."""
        cpu, memory = estimate_of(site.asked(job, self))
        self._bound.setdefault(node, {})[job.number] = site.now, self.cpu_share * cpu, self.memory_share * memory

    def ended(self, job: Job, node: str, site: Site) -> None:
        """Estimated no more; the mean still has it."""
        self._bound.get(node, {}).pop(job.number, None)
        self._uses.pop(job.number, None)

    def used(self, view: NodeView) -> tuple[float, float]:
        """Shares of CPU and memory with what the mean does not show; a node without samples is the last choice."""
        mean = self._means.get(view.node.name)
        if mean is None:
            return 1e6, 1e6
        cpu, memory = mean[1:]
        for number, (at, more_cpu, more_memory) in self._bound.get(view.node.name, {}).items():
            seen = self._uses.get(number)
            if self.counts(at, mean[0], running=seen is not None):
                cpu += max(0.0, more_cpu - (seen[0] if seen else 0.0))
                memory += max(0.0, more_memory - (seen[1] if seen else 0.0))
        has = view.node.allocatable
        return cpu / has[CPU], memory / has[MEMORY]

    def counts(self, bound: float, mean_at: float, *, running: bool) -> bool:
        """Whether a Pod bound then is estimated beside the mean of that moment."""
        raise NotImplementedError


class Koordinator(Shadow):
    """LoadAwareScheduling: 85 % of the CPU and 70 % of the memory of a Pod that has no use yet, or was bound after the
    last report but one, less what is measured of it. Weights 1 to 1.
    """

    cpu_share, memory_share = 0.85, 0.70

    def counts(self, bound: float, mean_at: float, *, running: bool) -> bool:
        """Without use yet, or bound later than one report before the mean."""
        return not running or bound > mean_at - self.report

    def cost(self, view: NodeView, job: Job, requests: Quantities, site: Site) -> float:
        """The score, negated, as the whole number that it is."""
        cpu, memory = self.used(view)
        own, has = estimate_of(requests), view.node.allocatable
        cpu += self.cpu_share * own[0] / has[CPU]
        memory += self.memory_share * own[1] / has[MEMORY]
        return -(int(100 * max(0.0, 1 - cpu)) + int(100 * max(0.0, 1 - memory))) // 2


class Volcano(Shadow):
    """The usage plugin with its shadow cache: 70 % of the request of a Pod bound, or young, since the last mean; 1.2
    times that on a node that is above 60 %.
    """

    report = 30.0
    cpu_share, memory_share = 0.7, 0.7
    pressed, more = 0.6, 1.2

    def counts(self, bound: float, mean_at: float, *, running: bool) -> bool:
        """Younger than the interval of the metrics."""
        return bound > mean_at - self.report

    def used(self, view: NodeView) -> tuple[float, float]:
        """As above, where nothing measured is taken off the estimate."""
        mean = self._means.get(view.node.name)
        if mean is None:
            return 1e6, 1e6
        has = view.node.allocatable
        cpu, memory = mean[1] / has[CPU], mean[2] / has[MEMORY]
        factor = self.more if (cpu + memory) / 2 >= self.pressed else 1.0
        bound: Mapping[int, tuple[float, float, float]] = self._bound.get(view.node.name, {})
        for at, more_cpu, more_memory in bound.values():
            if self.counts(at, mean[0], running=False):
                cpu += factor * more_cpu / has[CPU]
                memory += factor * more_memory / has[MEMORY]
        return cpu, memory

    def cost(self, view: NodeView, job: Job, requests: Quantities, site: Site) -> float:
        """The mean share of CPU and memory that is used."""
        cpu, memory = self.used(view)
        return (cpu + memory) / 2
