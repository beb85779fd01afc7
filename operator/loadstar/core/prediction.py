"""The load of a node now: its last samples, plus what our own Pods add that these have not seen yet, plus a margin.

Missing is never zero. A sample that is not recent says less and less: it gives way to the mean of the fleet, with the
fleet's variance in the margin; one that is stale says nothing, and then what is requested of the node stands in.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Final, NamedTuple

from loadstar.core.deviation import Deviation
from loadstar.core.fleet import NO_FLEET, Fleet, Level, fresh, recent_seconds
from loadstar.core.model import NOTHING_MEASURED, Load, Sample
from loadstar.core.nodes import NodeView
from loadstar.core.policy import Policy
from loadstar.core.quantity import CPU, MEMORY

FORGET_SECONDS: Final = 90.0
"""In so many seconds a sample that is not recent any more loses 63 % of its say."""
RISK: Final = 0.5
"""How many standard deviations of a node's load are added to it."""
SATURATED: Final = 0.97
"""From this share of CPU on, use says nothing about demand any more."""
MOST_DEMAND: Final = 3.0
"""How far hidden demand is believed, as a share of the node."""
PRESSED: Final = 0.2
"""The share of time in which something waits for I/O that makes a node hot, whatever it uses."""


class Term(NamedTuple):
    """One resource, as shares of allocatable: measured, or what stands in for it; what ours add; the margin.

    `total` is what counts: never below the margin, however much of the sample has ended since.
    """

    total: float
    measured: float
    reserved: float = 0.0
    risk: float = 0.0


class Prediction(NamedTuple):
    """`io` None = not measured. `known`: CPU and memory have samples that count; else requests stand in."""

    cpu: Term
    memory: Term
    io: Term | None
    known: bool
    pressed: bool = False


def predict(view: NodeView, policy: Policy, now: float, fleet: Fleet = NO_FLEET) -> Prediction:
    """The node as it stands. `fleet` matters only where a sample is not recent."""
    stale = policy.stale_seconds
    cpus = max(1, view.node.allocatable.get(CPU, 0))
    memory = max(1, view.node.allocatable.get(MEMORY, 0))
    load = view.load or NOTHING_MEASURED
    used, held, busy = fresh(load.cpu, now, stale), fresh(load.memory, now, stale), fresh(load.io, now, stale)
    if used is None or held is None:
        return Prediction(
            _stand_in(fleet.cpu, view.requested.get(CPU, 0) / cpus),
            _stand_in(fleet.memory, view.requested.get(MEMORY, 0) / memory),
            None,
            known=False,
        )
    added = view.added()
    pressure = fresh(load.io_pressure, now, stale)
    share = used.value * 1000 / cpus
    if share > SATURATED:
        share = _demand(share, cpus / 1000, load, view, now, stale)

    def late(sample: Sample) -> float:
        return now - sample.timestamp - recent_seconds(sample, load, policy)

    return Prediction(
        _term(share, added.cpu / cpus, late(used), view.cpu, fleet.cpu),
        _term(held.value / memory, added.memory / memory, late(held), view.memory, fleet.memory),
        _term(busy.value, added.io, late(busy), view.io, fleet.io) if busy is not None else None,
        known=True,
        pressed=pressure is not None and pressure.value > PRESSED,
    )


def _stand_in(level: Level | None, requested: float) -> Term:
    """An unmeasured node is not an idle node: it is as loaded as three quarters of the others are at most."""
    share = requested if level is None else max(level.upper, requested)
    return Term(share, share)


def _term(share: float, added: float, late: float, deviation: Deviation, level: Level | None) -> Term:
    """`late`: for how many seconds the sample has not been recent any more."""
    variance = deviation.variance
    if late > 0 and level is not None:
        trust = exp(-late / FORGET_SECONDS)
        share = trust * share + (1 - trust) * level.mean
        variance += (1 - trust * trust) * level.variance
    risk = RISK * sqrt(variance) if variance else 0.0
    return Term(max(0.0, share + added) + risk, share, added, risk)


def _demand(share: float, cores: float, load: Load, view: NodeView, now: float, stale: float) -> float:
    """What saturated CPUs would do if they could: by the threads that wait for them, else by how our own are slowed."""
    waiting = fresh(load.load1, now, stale)
    if waiting is not None and cores > 0:
        return max(share, min(MOST_DEMAND, waiting.value / cores))
    return max(share, min(MOST_DEMAND, share * view.slowdown))
