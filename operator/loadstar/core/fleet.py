"""What the measured nodes are like together: what a node is taken to be like about which nothing recent is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, pvariance
from typing import Final

from loadstar.core.model import NOTHING_MEASURED, Load, Node, Sample
from loadstar.core.policy import Policy
from loadstar.core.quantity import CPU, MEMORY


@dataclass(frozen=True, slots=True)
class Level:
    """Of one resource, as shares of allocatable: mean, variance and the third quartile of the nodes."""

    mean: float
    variance: float
    upper: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """None where no node has a fresh sample."""

    cpu: Level | None = None
    memory: Level | None = None
    io: Level | None = None


NO_FLEET: Final = Fleet()


def fresh(sample: Sample | None, now: float, stale_seconds: float) -> Sample | None:
    """The sample, unless it is too old to count."""
    return sample if sample is not None and now - sample.timestamp <= stale_seconds else None


def recent_seconds(sample: Sample, load: Load, policy: Policy) -> float:
    """For how long a sample of a load stands for itself: two periods, of reading or of measuring, whichever is longer.

    How often an instant, such as memory, is measured is told by the window of the CPU beside it.
    """
    window = sample.window or (load.cpu.window if load.cpu is not None else 0.0)
    return 2 * max(policy.period_seconds, window)


def survey(nodes: Iterable[tuple[Node, Load | None]], policy: Policy, now: float) -> Fleet:
    """The levels over all nodes whose samples are recent."""
    cpu: list[float] = []
    memory: list[float] = []
    io: list[float] = []
    for node, measured in nodes:
        load = measured or NOTHING_MEASURED
        for values, sample, capacity in (
            (cpu, load.cpu, node.allocatable.get(CPU, 0) / 1000),
            (memory, load.memory, node.allocatable.get(MEMORY, 0)),
            (io, load.io, 1.0),
        ):
            if sample is not None and capacity > 0 and now - sample.timestamp <= recent_seconds(sample, load, policy):
                values.append(sample.value / capacity)
    return Fleet(_level(cpu), _level(memory), _level(io))


def _level(values: list[float]) -> Level | None:
    if not values:
        return None
    values.sort()
    mean = fmean(values)
    return Level(mean, pvariance(values, mean), values[3 * len(values) // 4])
