"""The ways to choose among the nodes that can take a Task. All are functions of request and snapshot alone.

Chance is drawn from a hash of the Task's uid, so that the same question has the same answer, here, in a replay and in
another process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from math import log
from typing import Final, Protocol

from loadstar.core.census import rejected
from loadstar.core.decision import Placed
from loadstar.core.fit import reject
from loadstar.core.frontier import NEAR_BONUS
from loadstar.core.labels import CAPABILITY_PREFIX
from loadstar.core.model import NodeClass, NodeScore, Strategy
from loadstar.core.nodes import NodeView
from loadstar.core.prediction import predict
from loadstar.core.request import Request
from loadstar.core.reservations import Reservation
from loadstar.core.scoring import order, score
from loadstar.core.snapshot import Snapshot
from loadstar.core.turns import base_weight

DRAWS: Final = 64
"""Among more nodes than this, so many are drawn before all are looked at."""
ALIKE: Final = 0.05
"""By so much the rank of nodes of one class may differ for their order not to matter."""
RUNNERS_UP: Final = 3
"""So many of the next best nodes are told."""
MOST_NAMED: Final = 2
"""So many of them the Pod may name beside the best."""
LEAST_IDLE: Final = 0.01
"""A node that is full to the brim keeps this share of its base weight: it is unlikely, and not impossible."""


class Choice(Protocol):
    """A strategy."""

    def __call__(self, request: Request, snapshot: Snapshot) -> Placed | None:
        """Which node the Task gets; None when none can take it."""
        ...


def load_aware(request: Request, snapshot: Snapshot) -> Placed | None:
    """The node with the lowest predicted load: cold before hot before unmeasured."""
    found = snapshot.frontier(request).take(1 + RUNNERS_UP, snapshot.now)
    if not found:
        return None
    best, *others = (item for _, item in found)
    fresh = best.node_class is not NodeClass.UNKNOWN
    message = f"{best.node} has the lowest predicted load of {len(snapshot.nodes)} nodes: {describe(best)}"
    if not others:
        message = f"{best.node} is the only node that can take it: {describe(best)}"
    if not fresh:
        message = f"no fresh load sample: {best.node} has the lowest share of its room requested: {describe(best)}"
    alike = () if request.template.placement.strict else as_good(best, others[:MOST_NAMED])
    also = f"; its Pod may as well go to {' or '.join(alike)}" if alike else ""
    out = rejected(request, snapshot)
    return Placed(best.node, best, tuple(others), message + _next(others) + also, fresh, others=alike, rejected=out)


def as_good(best: NodeScore, others: list[NodeScore]) -> tuple[str, ...]:
    """The names of those that are as good as the best, for all that is known."""
    return tuple(
        other.node for other in others if other.node_class is best.node_class and other.rank - best.rank <= ALIKE
    )


def weighted_random(request: Request, snapshot: Snapshot) -> Placed | None:
    """A node by chance, in proportion to its base weight and to the share of its CPU that is predicted to be idle.

    One that is quarantined only where there is no other.
    """

    def weight(view: NodeView) -> float:
        cpu = predict(view, snapshot.policy, snapshot.now, snapshot.fleet).cpu.total
        return base_weight(view.node) * max(LEAST_IDLE, 1 - cpu)

    heaviest = snapshot.turns.heaviest
    for number, view in enumerate(drawn(request, snapshot)):
        kept = chance(request, f"keep {number}") * heaviest < weight(view)
        if kept and not view.failing and reject(view, request) is None:
            break
    else:
        # Each node draws an exponential time at the rate of its weight: the first one's chance is its share of them.
        fit = [view for view in snapshot.nodes.values() if reject(view, request) is None]
        if not fit:
            return None
        sound = [view for view in fit if not view.failing]
        view = min(sound or fit, key=lambda item: -log(1 - chance(request, item.node.name)) / weight(item))
    item = scored(request, snapshot, view)
    text = (
        f"{item.node} was drawn by weight {base_weight(view.node):g} and idle CPU from {len(snapshot.nodes)} nodes: "
        f"{describe(item)}"
    )
    return _placed(request, snapshot, Strategy.WEIGHTED_RANDOM, item, [], text)


def power_of_two(request: Request, snapshot: Snapshot) -> Placed | None:
    """Two nodes by chance, and of these the less loaded one."""
    two: dict[str, NodeView] = {}
    for view in drawn(request, snapshot):
        if view.node.name not in two and reject(view, request) is None:
            two[view.node.name] = view
            if len(two) == 2:  # noqa: PLR2004 - the name says it
                break
    else:
        fit = (view for view in snapshot.nodes.values() if reject(view, request) is None)
        two = {view.node.name: view for view in sorted(fit, key=lambda item: chance(request, item.node.name))[:2]}
    best, *others = ranked(request, snapshot, two) or (None,)
    if best is None:
        return None
    of = (
        f"the less loaded of two drawn from {len(snapshot.nodes)} nodes" if others else "the only node that can take it"
    )
    return _placed(
        request, snapshot, Strategy.POWER_OF_TWO, best, others, f"{best.node} is {of}: {describe(best)}{_next(others)}"
    )


def round_robin(request: Request, snapshot: Snapshot) -> Placed | None:
    """The node whose turn it is, by weight; one that is quarantined only where there is no other."""
    able = (one for name in snapshot.turns if reject(one := snapshot.nodes[name], request) is None)
    first = next(able, None)
    if first is None:
        return None
    view = next((one for one in able if not one.failing), first) if first.failing else first
    item = scored(request, snapshot, view)
    text = f"it is the turn of {item.node}, of weight {base_weight(view.node):g}: {describe(item)}"
    return _placed(request, snapshot, Strategy.ROUND_ROBIN, item, [], text)


def kube_scheduler(request: Request, snapshot: Snapshot) -> Placed | None:
    """No choice of ours: the Pod is created without a pin, once some node can take it."""
    found = snapshot.frontier(request).take(1, snapshot.now)
    if not found:
        return None
    seen = (found[0][1].node,)
    text = "left to kube-scheduler"
    return Placed(None, None, (), text, fresh=True, strategy=Strategy.KUBE_SCHEDULER, seen=seen)


STRATEGIES: Final[dict[Strategy, Choice]] = {
    Strategy.LOAD_AWARE: load_aware,
    Strategy.WEIGHTED_RANDOM: weighted_random,
    Strategy.ROUND_ROBIN: round_robin,
    Strategy.POWER_OF_TWO: power_of_two,
    Strategy.KUBE_SCHEDULER: kube_scheduler,
}


def chance(request: Request, what: str) -> float:
    """A number from 0 to below 1 that the Task and a word decide."""
    digest = blake2b(f"{request.task_uid}/{what}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 256**7


def drawn(request: Request, snapshot: Snapshot) -> Iterator[NodeView]:
    """Some of many nodes, each by chance out of all; none where nodes are few enough to look at all of them."""
    names = snapshot.turns.names
    if len(names) > DRAWS:
        for number in range(DRAWS):
            yield snapshot.nodes[names[int(chance(request, f"draw {number}") * len(names))]]


def ranked(request: Request, snapshot: Snapshot, names: Iterable[str]) -> list[NodeScore]:
    """These nodes, best first, with the Task's own share added to each."""
    return sorted((scored(request, snapshot, snapshot.nodes[name]) for name in names), key=order)


def scored(request: Request, snapshot: Snapshot, view: NodeView, own: Reservation | None = None) -> NodeScore:
    """One node with the Task on it, which adds `own`; None: what is expected of it."""
    found = score(
        view,
        own or snapshot.own(request),
        policy=snapshot.policy,
        weights=snapshot.weights(request),
        prefers=tuple(CAPABILITY_PREFIX + name for name in request.template.prefers),
        now=snapshot.now,
        fleet=snapshot.fleet,
    )
    return replace(found, rank=found.rank - NEAR_BONUS) if view.node.name in request.near else found


def describe(item: NodeScore, *, name: bool = False) -> str:
    """Word a score: "0.31 (cpu 0.40, memory 0.16, io unknown)"; `name`: "node-2 0.31, hot" instead."""
    io = "unknown" if item.io is None else f"{item.io:.2f}"
    text = f"{item.total:.2f} (cpu {item.cpu:.2f}, memory {item.memory:.2f}, io {io})"
    if not name:
        return text
    kind = "" if item.node_class is NodeClass.COLD else f", {item.node_class.value.lower()}"
    return f"{item.node} {item.total:.2f}{kind}"


def _next(others: list[NodeScore]) -> str:
    return "; next " + ", ".join(describe(other, name=True) for other in others) if others else ""


def _placed(
    request: Request, snapshot: Snapshot, strategy: Strategy, best: NodeScore, others: list[NodeScore], message: str
) -> Placed:
    fresh, out = best.node_class is not NodeClass.UNKNOWN, rejected(request, snapshot)
    return Placed(best.node, best, tuple(others), message, fresh, strategy, rejected=out)
