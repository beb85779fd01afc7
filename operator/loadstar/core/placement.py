"""Choose a node for a Task: filter, score, choose, and say why, why not, and what else there was.

`place` is pure; the cycle in `loadstar.runtime` calls it and the command line calls it again to explain. Volumes,
zones, spread and inter-Pod affinity stay kube-scheduler's, which still binds the Pod.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from loadstar.core.model import Node, NodeClass, NodeScore, Strategy, Taint, Toleration
from loadstar.core.quantity import PODS, Quantities, show
from loadstar.core.reasons import Reason
from loadstar.core.scoring import order, score
from loadstar.core.snapshot import NodeView, Snapshot, reservation
from loadstar.core.template import Template

CAPABILITY_PREFIX: Final = "capability.loadstar.dev/"
CONSIDERED: Final = 32
"""Among so many of the best nodes as they stand, the best with the Task on it is found."""


class Cause(StrEnum):
    """Why a node is out, worded to follow a count ("2 cordoned")."""

    SELECTOR = "without the labels of nodeSelector"
    CAPABILITY = "without a required capability"
    TAINT = "with a taint that is not tolerated"
    NOT_READY = "not Ready"
    CORDONED = "cordoned"
    AVOIDED = "just tried without success"
    TOO_SMALL = "too small for the request"
    FULL = "without room for the request now"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One node's cause and what is particular about it."""

    cause: Cause
    detail: str = ""


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


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks: the Task's uid, what it runs and asks for, and nodes that its last Pods could not get onto."""

    task_uid: str
    template: Template
    avoid: frozenset[str] = frozenset()

    @property
    def shape(self) -> tuple[object, ...]:
        """Equal for Tasks that every node answers alike: one refusal in a cycle serves them all."""
        template = self.template
        requests = tuple(sorted(template.worker.requests.items()))
        return requests, template.placement, template.requires, self.avoid


Choice: TypeAlias = Callable[[Request, Snapshot, list[NodeView]], Placed]
"""A strategy: which of the nodes that can take the Task it gets. The list is never empty."""


def tolerates(tolerations: tuple[Toleration, ...], taint: Taint) -> bool:
    """As kube-scheduler decides it."""
    return any(
        (not t.effect or t.effect == taint.effect)
        and (not t.key or t.key == taint.key)
        and (t.operator == "Exists" or t.value == taint.value)
        for t in tolerations
    )


def reject(view: NodeView, request: Request) -> Rejection | None:
    """Why this node cannot take the Task; None when it can."""
    node, template = view.node, request.template
    return (
        _mismatch(node, template)
        or _closed(node)
        or (Rejection(Cause.AVOIDED) if node.name in request.avoid else None)
        or _no_room(view, template.worker.requests)
    )


def place(request: Request, snapshot: Snapshot) -> Decision:
    """Choose a node for the Task, or say in one sentence why there is none.

    A Task whose every other node is out gets a second look at the ones to avoid: better tried again than never. Where
    nodes are many and ranked, the best that can take it are compared, and not all that could.
    """
    rejections: dict[str, Rejection] = {}
    free: list[NodeView] = []
    for name in snapshot.nodes if snapshot.ranked is None else snapshot.ranked:
        view = snapshot.nodes[name]
        rejection = reject(view, request)
        if rejection is not None:
            rejections[name] = rejection
            continue
        free.append(view)
        if snapshot.ranked is not None and len(free) >= CONSIDERED:
            break
    if not free and request.avoid and any(r.cause is Cause.AVOIDED for r in rejections.values()):
        return place(Request(request.task_uid, request.template), snapshot)
    if not free:
        return explain_none(rejections, request.template.worker.requests)
    return STRATEGIES[request.template.placement.strategy](request, snapshot, free)


def explain_none(rejections: dict[str, Rejection], requests: Quantities) -> Unplaced:
    """Word the refusal of all nodes: "0/3 nodes: 2 cordoned, 1 without room …"."""
    if not rejections:
        return Unplaced(Reason.NO_READY_NODE, "the cluster has no nodes yet")
    counts = Counter(rejection.cause for rejection in rejections.values())
    details = {r.cause: r.detail for r in rejections.values() if r.detail}
    parts = [
        f"{count} {cause}" + (f" ({details[cause]})" if cause in details else "")
        for cause, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    if counts[Cause.FULL]:
        reason = Reason.WAITING_FOR_CAPACITY
    elif counts[Cause.NOT_READY] or counts[Cause.CORDONED]:
        reason = Reason.NO_READY_NODE
    elif counts[Cause.TOO_SMALL]:
        reason = Reason.REQUEST_TOO_LARGE
    else:
        reason = Reason.NO_MATCHING_NODE
    asked = ", ".join(f"{name} {show(name, value)}" for name, value in sorted(requests.items()))
    asks = f"; asks for {asked}" if asked and reason in _ABOUT_SIZE else ""
    return Unplaced(reason, f"0/{len(rejections)} nodes: {', '.join(parts)}{asks}")


_ABOUT_SIZE: Final = {Reason.WAITING_FOR_CAPACITY, Reason.REQUEST_TOO_LARGE}


def ranked(request: Request, snapshot: Snapshot, nodes: list[NodeView]) -> list[NodeScore]:
    """All given nodes, best first, with the Task's own share added to each."""
    template = request.template
    own = reservation(template.worker.requests)
    weights = template.placement.weights or snapshot.policy.weights
    prefers = tuple(CAPABILITY_PREFIX + name for name in template.prefers)
    scores = [
        score(view, own, policy=snapshot.policy, weights=weights, prefers=prefers, now=snapshot.now) for view in nodes
    ]
    return sorted(scores, key=lambda s: order(s, request.task_uid))


def load_aware(request: Request, snapshot: Snapshot, nodes: list[NodeView]) -> Placed:
    """The node with the lowest predicted load: cold before hot before unmeasured."""
    best, *others = ranked(request, snapshot, nodes)
    fresh = best.node_class is not NodeClass.UNKNOWN
    of = f"the {len(nodes)} best of {len(snapshot.nodes)}" if snapshot.ranked is not None else f"{len(nodes)}"
    message = f"{best.node} has the lowest predicted load of {of} nodes: {describe(best)}"
    if not others:
        message = f"{best.node} is the only node that can take it: {describe(best)}"
    if not fresh:
        message = f"no fresh load sample: {best.node} has the lowest share of its room requested: {describe(best)}"
    if others:
        message += "; next " + ", ".join(describe(other, name=True) for other in others[:2])
    return Placed(best.node, best, tuple(others[:2]), message, fresh)


def kube_scheduler(_request: Request, _snapshot: Snapshot, nodes: list[NodeView]) -> Placed:
    """No choice of ours: the Pod is created without a pin."""
    return Placed(None, None, (), f"left to kube-scheduler; {len(nodes)} nodes can take it", fresh=True)


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


def _mismatch(node: Node, template: Template) -> Rejection | None:
    for key, value in template.placement.node_selector:
        if node.labels.get(key) != value:
            return Rejection(Cause.SELECTOR, f"{key}={value}")
    for name in template.requires:
        if CAPABILITY_PREFIX + name not in node.labels:
            return Rejection(Cause.CAPABILITY, name)
    for taint in node.taints:
        # A cordon shows as a taint too; it is told apart below.
        if taint.effect == "PreferNoSchedule" or taint.key.startswith("node.kubernetes.io/"):
            continue
        if not tolerates(template.placement.tolerations, taint):
            return Rejection(Cause.TAINT, f"{taint.key}:{taint.effect}")
    return None


def _closed(node: Node) -> Rejection | None:
    if not node.ready:
        return Rejection(Cause.NOT_READY)
    if node.unschedulable:
        return Rejection(Cause.CORDONED)
    return None


def _no_room(view: NodeView, requests: Quantities) -> Rejection | None:
    allocatable = view.node.allocatable
    wanted = {**requests, PODS: 1}
    for name, value in wanted.items():
        if value > allocatable.get(name, 0):
            most = f"{name} {show(name, allocatable.get(name, 0))} at most"
            return Rejection(Cause.TOO_SMALL, most)
    for name, value in wanted.items():
        left = allocatable.get(name, 0) - view.requested.get(name, 0)
        if value > left:
            return Rejection(Cause.FULL, f"{name} {show(name, max(0, left))} free")
    return None
