"""Choose a node for a Task: filter, score, choose, and say why, why not, and what else there was.

`place` is pure; the cycle in `loadstar.runtime` calls it and the command line calls it again to explain. Volumes,
zones, spread and inter-Pod affinity stay kube-scheduler's, which still binds the Pod.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from loadstar.core.fit import CAPABILITY_PREFIX, Cause, explain_none, reject
from loadstar.core.frontier import NEAR_BONUS
from loadstar.core.model import NodeClass, NodeScore, Strategy
from loadstar.core.nodes import NodeView
from loadstar.core.reasons import Reason
from loadstar.core.request import Request
from loadstar.core.scoring import order, score
from loadstar.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Placed:
    """`node` is None when the strategy leaves the choice to kube-scheduler. `next` are the runners-up."""

    node: str | None
    score: NodeScore | None
    next: tuple[NodeScore, ...]
    message: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class Unplaced:
    """No node now; `reason` says of which kind the obstacle is and `message` counts nodes by cause."""

    reason: Reason
    message: str


Decision = Placed | Unplaced


Choice: TypeAlias = Callable[[Request, Snapshot], Placed | None]
"""A strategy: which of the nodes that can take the Task it gets; None when none can."""


def place(request: Request, snapshot: Snapshot) -> Decision:
    """Choose a node for the Task, or say in one sentence why there is none.

    A Task whose every other node is out gets a second look at the ones to avoid: better tried again than never.
    """
    decision = STRATEGIES[request.template.placement.strategy](request, snapshot)
    if decision is not None:
        return decision
    rejections = {
        name: rejection for name, view in snapshot.nodes.items() if (rejection := reject(view, request)) is not None
    }
    if any(rejection.cause in _SECOND_LOOK for rejection in rejections.values()):
        return place(replace(request, avoid=frozenset(), apart=frozenset()), snapshot)
    return Unplaced(*explain_none(rejections, request.template.worker.requests))


_SECOND_LOOK: Final = {Cause.AVOIDED, Cause.APART}


def ranked(request: Request, snapshot: Snapshot, nodes: Iterable[NodeView]) -> list[NodeScore]:
    """All given nodes, best first, with the Task's own share added to each."""
    return sorted((scored(request, snapshot, view) for view in nodes), key=order)


def scored(request: Request, snapshot: Snapshot, view: NodeView) -> NodeScore:
    """One node with the Task on it."""
    found = score(
        view,
        snapshot.own(request),
        policy=snapshot.policy,
        weights=snapshot.weights(request),
        prefers=tuple(CAPABILITY_PREFIX + name for name in request.template.prefers),
        now=snapshot.now,
        fleet=snapshot.fleet,
    )
    return replace(found, rank=found.rank - NEAR_BONUS) if view.node.name in request.near else found


def load_aware(request: Request, snapshot: Snapshot) -> Placed | None:
    """The node with the lowest predicted load: cold before hot before unmeasured."""
    found = snapshot.frontier(request).take(3, snapshot.now)
    if not found:
        return None
    best, *others = (score for _, score in found)
    fresh = best.node_class is not NodeClass.UNKNOWN
    message = f"{best.node} has the lowest predicted load of {len(snapshot.nodes)} nodes: {describe(best)}"
    if not others:
        message = f"{best.node} is the only node that can take it: {describe(best)}"
    if not fresh:
        message = f"no fresh load sample: {best.node} has the lowest share of its room requested: {describe(best)}"
    if others:
        message += "; next " + ", ".join(describe(other, name=True) for other in others)
    return Placed(best.node, best, tuple(others), message, fresh)


def kube_scheduler(request: Request, snapshot: Snapshot) -> Placed | None:
    """No choice of ours: the Pod is created without a pin, once some node can take it."""
    if not snapshot.frontier(request).take(1, snapshot.now):
        return None
    return Placed(None, None, (), "left to kube-scheduler", fresh=True)


STRATEGIES: Final[dict[Strategy, Choice]] = {
    Strategy.LOAD_AWARE: load_aware,
    Strategy.KUBE_SCHEDULER: kube_scheduler,
}


def describe(item: NodeScore, *, name: bool = False) -> str:
    """Word a score: "0.31 (cpu 0.40, memory 0.16, io unknown)"; `name`: "node-2 0.31, hot" instead."""
    io = "unknown" if item.io is None else f"{item.io:.2f}"
    text = f"{item.total:.2f} (cpu {item.cpu:.2f}, memory {item.memory:.2f}, io {io})"
    if not name:
        return text
    kind = "" if item.node_class is NodeClass.COLD else f", {item.node_class.value.lower()}"
    return f"{item.node} {item.total:.2f}{kind}"
