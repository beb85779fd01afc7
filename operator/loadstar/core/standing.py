"""How the nodes stand: each with its load by term, its class and why, and all of them in a few numbers.

A cluster may have thousands of nodes: what is reported of them by name is bounded, the totals are of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import pstdev
from typing import Final

from loadstar.core.claims import Claim
from loadstar.core.fit import closed
from loadstar.core.fleet import fresh
from loadstar.core.model import NOTHING_MEASURED, NodeClass, NodeScore, Sample
from loadstar.core.nodes import NodeView
from loadstar.core.policy import Policy
from loadstar.core.prediction import PRESSED, Prediction, predict
from loadstar.core.scoring import CLASS_ORDER, NOTHING, floor_of, grade, normalised
from loadstar.core.snapshot import Snapshot

SHOWN: Final = 20
"""So many of the best nodes, and so many of the worst, are reported by name."""
CPU_SHARE: Final = 0.6
MEMORY_SHARE: Final = 0.4
"""What makes one number of a node's load, by which it is told how evenly nodes are loaded."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A node as it is, nothing added. `tasks`: our Pods on it; `because`: why it is of its class, empty for Cold.

    `added_cpu`, `added_memory`: millicores and bytes of ours that its samples lack; negative: that have ended since.
    """

    score: NodeScore
    prediction: Prediction
    tasks: int = 0
    because: str = ""
    added_cpu: float = 0.0
    added_memory: float = 0.0

    @property
    def open(self) -> bool:
        """True when the node takes Pods."""
        return self.score.node_class is not NodeClass.CLOSED


@dataclass(frozen=True, slots=True)
class Totals:
    """All nodes. `fresh`: open ones whose CPU and memory samples count; the others count nodes of that class.

    `deviation`: the standard deviation of 0.6·cpu + 0.4·memory, predicted shares, over open nodes; `reserved_cpu` and
    `reserved_memory`: millicores and bytes that our Pods add to the samples of all nodes.
    """

    nodes: int = 0
    fresh: int = 0
    unknown: int = 0
    hot: int = 0
    quarantined: int = 0
    closed: int = 0
    tasks: int = 0
    deviation: float = 0.0
    reserved_cpu: int = 0
    reserved_memory: int = 0


@dataclass(frozen=True, slots=True)
class Topology:
    """The best nodes, best first; of the others the worst, worst first, and then some that take no Pods; all in sum.

    `kept`: nodes that are kept for Tasks which have waited long.
    """

    best: tuple[Standing, ...]
    worst: tuple[Standing, ...]
    totals: Totals
    kept: tuple[Claim, ...] = ()


def standings(snapshot: Snapshot) -> list[Standing]:
    """Every node, best first; nodes that take no Pods come last."""
    found = [standing(view, snapshot) for view in snapshot.nodes.values()]
    return sorted(found, key=lambda item: (CLASS_ORDER[item.score.node_class], item.score.total, item.score.node))


def standing(view: NodeView, snapshot: Snapshot) -> Standing:
    """One node."""
    policy, now = snapshot.policy, snapshot.now
    prediction = predict(view, policy, now, snapshot.fleet)
    used = normalised(policy.weights, io_known=prediction.io is not None)
    score = grade(view, prediction, NOTHING, used, policy.hot, 0.0, now, floor_of(view, prediction))
    if closed(view.node) is not None:
        score = replace(score, node_class=NodeClass.CLOSED)
    added = view.added()
    because = reason(view, prediction, score, policy, now)
    return Standing(score, prediction, len(view.reservations), because, added.cpu, added.memory)


def reason(view: NodeView, prediction: Prediction, score: NodeScore, policy: Policy, now: float) -> str:
    """Why a node is of its class, in a few words; nothing for Cold, which needs no excuse."""
    kind = score.node_class
    if kind is NodeClass.CLOSED:
        shut = closed(view.node)
        return str(shut.cause) if shut else ""
    if kind is NodeClass.QUARANTINED:
        return "Tasks failed there at once, and their like succeeded elsewhere"
    if kind is NodeClass.UNKNOWN:
        load = view.load or NOTHING_MEASURED
        parts = (_doubt("CPU", load.cpu, policy, now), _doubt("memory", load.memory, policy, now))
        return ", ".join(part for part in parts if part)
    if kind is NodeClass.HOT:
        over = [
            f"{name} {share:.2f}"
            for name, share in (("cpu", score.cpu), ("memory", score.memory), ("io", score.io or 0.0))
            if share > policy.hot
        ]
        parts = (
            f"{' and '.join(over)} over {policy.hot:g}" if over else "",
            f"I/O pressure over {PRESSED:g}" if prediction.pressed else "",
        )
        return ", ".join(part for part in parts if part)
    return ""


def topology(ordered: Sequence[Standing], claims: Iterable[Claim] = ()) -> Topology:
    """What is reported of nodes in the order of `standings`, and of claims."""
    able = [item for item in ordered if item.open]
    shut = [item for item in ordered if not item.open]
    worst = able[SHOWN:][::-1][:SHOWN]
    oldest = tuple(sorted(claims, key=lambda claim: (claim.since, claim.key))[:SHOWN])
    return Topology(tuple(able[:SHOWN]), (*worst, *shut[: SHOWN - len(worst)]), totals(ordered), oldest)


def totals(ordered: Sequence[Standing]) -> Totals:
    """All nodes in sum."""
    kinds = Counter(item.score.node_class for item in ordered)
    able = [item for item in ordered if item.open]
    return Totals(
        nodes=len(ordered),
        fresh=sum(item.prediction.known for item in able),
        unknown=kinds[NodeClass.UNKNOWN],
        hot=kinds[NodeClass.HOT],
        quarantined=kinds[NodeClass.QUARANTINED],
        closed=kinds[NodeClass.CLOSED],
        tasks=sum(item.tasks for item in ordered),
        deviation=pstdev(CPU_SHARE * item.score.cpu + MEMORY_SHARE * item.score.memory for item in able)
        if able
        else 0.0,
        reserved_cpu=round(sum(item.added_cpu for item in ordered)),
        reserved_memory=round(sum(item.added_memory for item in ordered)),
    )


def _doubt(name: str, sample: Sample | None, policy: Policy, now: float) -> str:
    if sample is None:
        return f"no {name} sample"
    if fresh(sample, now, policy.stale_seconds) is not None:
        return ""
    return f"{name} sample {now - sample.timestamp:.0f} s old, over {policy.stale_seconds:g}"
