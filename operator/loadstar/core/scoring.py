"""The LoadScore: how loaded a node would be with the Task on it. Lowest wins.

It works on *predicted* load: the last sample plus what our own Tasks add that the sample has not seen yet. A sample
is the mean over [T - W, T], so a Pod that ran through half of that window is half in it, and its reservation counts
the other half. Which nodes may be scored at all is `placement`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from loadstar.core.model import NOTHING_MEASURED, Load, NodeClass, NodeScore, Policy, Sample, Weights
from loadstar.core.quantity import CPU, MEMORY
from loadstar.core.snapshot import NodeView, Reservation

PREFERRED_BONUS = 0.05
"""What each preferred capability of a node takes off its rank."""
LARGEST_TERM = 0.5
"""How much the most loaded resource counts beside the weighted sum: a node is as good as its scarcest resource."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of allocatable, 0..1 and beyond when overcommitted; io None = not measured."""

    cpu: float
    memory: float
    io: float | None = None


def unseen(res: Reservation, timestamp: float, window: float) -> float:
    """The share of a sample over [timestamp - window, timestamp] that does not contain this Pod: 0..1."""
    if res.started is None or res.started >= timestamp:
        return 1.0
    if window <= 0:
        return 0.0
    return 1.0 - min(1.0, (timestamp - max(timestamp - window, res.started)) / window)


def predicted(view: NodeView, now: float, stale_seconds: float) -> tuple[Shares, bool]:
    """The node's load now, and whether a fresh sample is behind it.

    Without one, requests stand in for use, since an unmeasured node is not an idle node.
    """
    cpus = max(1, view.node.allocatable.get(CPU, 0))
    memory = max(1, view.node.allocatable.get(MEMORY, 0))
    load = view.load or NOTHING_MEASURED
    cpu, used, io = (fresh(sample, now, stale_seconds) for sample in (load.cpu, load.memory, load.io))
    if cpu is None or used is None:
        by_request = Shares(view.requested.get(CPU, 0) / cpus, view.requested.get(MEMORY, 0) / memory)
        return by_request, False
    extra_cpu = sum(res.cpu * unseen(res, cpu.timestamp, cpu.window) for res in view.reservations.values())
    # Memory is an instant's value: a Pod is in it or not.
    extra_memory = sum(res.memory * unseen(res, used.timestamp, 0) for res in view.reservations.values())
    return Shares(
        cpu=(cpu.value * 1000 + extra_cpu) / cpus,
        memory=(used.value + extra_memory) / memory,
        io=io.value if io else None,
    ), True


def fresh(sample: Sample | None, now: float, stale_seconds: float) -> Sample | None:
    """The sample, unless it is too old to count."""
    return sample if sample is not None and now - sample.timestamp <= stale_seconds else None


def sample_age(load: Load | None, now: float) -> float | None:
    """Seconds since the older of the CPU and the memory sample; None without both."""
    if load is None or load.cpu is None or load.memory is None:
        return None
    return max(0.0, now - min(load.cpu.timestamp, load.memory.timestamp))


def normalised(weights: Weights, *, io_known: bool) -> Weights:
    """Weights that sum to 1 over what is known: unknown I/O leaves its weight to CPU and memory."""
    io = weights.io if io_known else 0.0
    total = weights.cpu + weights.memory + io
    if total <= 0:
        return Weights(0.5, 0.5, 0.0)
    return Weights(weights.cpu / total, weights.memory / total, io / total)


def score(
    view: NodeView,
    own: Reservation | None,
    *,
    policy: Policy,
    weights: Weights,
    prefers: tuple[str, ...],
    now: float,
) -> NodeScore:
    """Score one node for a Task that would add `own` (None: the node as it is)."""
    shares, measured = predicted(view, now, policy.stale_seconds)
    cpu, memory = shares.cpu, shares.memory
    if own is not None:
        cpu += own.cpu / max(1, view.node.allocatable.get(CPU, 0))
        memory += own.memory / max(1, view.node.allocatable.get(MEMORY, 0))
    used = normalised(weights, io_known=shares.io is not None)
    total = used.cpu * cpu + used.memory * memory + used.io * (shares.io or 0.0)
    worst = max(cpu, memory, shares.io or 0.0)
    bonus = PREFERRED_BONUS * sum(name in view.node.labels for name in prefers)
    if not measured:
        node_class = NodeClass.UNKNOWN
    elif worst > policy.hot:
        node_class = NodeClass.HOT
    else:
        node_class = NodeClass.COLD
    return NodeScore(
        node=view.node.name,
        total=total,
        rank=total + LARGEST_TERM * worst - bonus,
        cpu=cpu,
        memory=memory,
        io=shares.io,
        weights=used,
        sample_age=sample_age(view.load, now),
        node_class=node_class,
    )


CLASS_ORDER = {NodeClass.COLD: 0, NodeClass.HOT: 1, NodeClass.UNKNOWN: 2, NodeClass.CLOSED: 3}


def order(candidate: NodeScore, task_uid: str) -> tuple[int, float, int]:
    """The sort key of nodes for a Task: class, then rank, then a hash so that equals spread."""
    return (
        CLASS_ORDER[candidate.node_class],
        round(candidate.rank, 6),
        crc32(f"{task_uid}/{candidate.node}".encode()),
    )
