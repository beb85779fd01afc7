"""Nodes that are kept for Tasks which have waited long for room: the bound on how often others may overtake them.

Small Tasks go where a large one finds no room, so that nodes do not idle; in a stream of them the large one would never
find any. So a Task that has waited `PATIENCE_SECONDS` for room, and is the first of its queue to do so, gets a claim on
a node: what it requests counts there as if it were there already, nobody else is placed on what becomes free, and once
the Tasks there have ended it fits. Not more than one node in `SPARED` is kept at a time, and those first who have
waited longest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from loadstar.core.branch import Lane, Line
from loadstar.core.fit import Cause, reject
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import PODS, Quantities
from loadstar.core.reasons import Reason
from loadstar.core.request import Request
from loadstar.core.waiting import Key

PATIENCE_SECONDS: Final = 60.0
MOVE_SECONDS: Final = 600.0
"""A claim that has come to nothing for so long is moved to a node where less is missing, if there is one."""
SPARED: Final = 8


@dataclass(frozen=True, slots=True)
class Claim:
    """A node that is kept for a Task, what the Task requests, and since when."""

    key: Key
    node: str
    requests: Quantities
    since: float

    @property
    def identity(self) -> str:
        """Under which it is charged to the node."""
        return f"claim/{self.key[0]}/{self.key[1]}"

    def met(self, view: NodeView) -> bool:
        """True when the node has room for the Task, whose claim counts in what is requested there."""
        requested, allocatable = view.requested, view.node.allocatable
        return all(requested.get(name, 0) <= allocatable.get(name, 0) for name in (*self.requests, PODS))


def most(nodes: int) -> int:
    """How many nodes may be kept at a time."""
    return max(1, nodes // SPARED) if nodes else 0


def due(lanes: Iterable[Lane], claimed: Iterable[Key], now: float) -> list[Line]:
    """Lines whose first Task is to get a claim: one a queue that has none yet, who has waited longest first."""
    have = tuple(claimed)
    found: list[Line] = []
    for lane in lanes:
        lines = [line for line in lane.lines.values() if _impatient(line, now)]
        if lines and not any(key in line.order for line in lane.lines.values() for key in have):
            found.append(min(lines, key=lambda line: line.rank(line.lane.rules)))
    return sorted(found, key=lambda line: line.oldest)


def _impatient(line: Line, now: float) -> bool:
    answer = line.answer
    return answer is not None and answer.reason is Reason.WAITING_FOR_CAPACITY and line.oldest <= now - PATIENCE_SECONDS


def best(
    request: Request, views: Mapping[str, NodeView], ours: Callable[[str], Quantities], taken: Iterable[str]
) -> str | None:
    """The node where the least is missing for the Task, of those that have room once our Tasks there have ended.

    `ours`: what our own Pods request on a node; `taken`: nodes that are kept for others. None where no node is such.
    """
    kept = set(taken)
    full = [
        (_missing(request.template.requests, view), name)
        for name, view in views.items()
        if name not in kept and (found := reject(view, request)) is not None and found.cause is Cause.FULL
    ]
    wanted = {**request.template.requests, PODS: 1}
    for _, name in sorted(full):
        view, own = views[name], ours(name)
        if all(
            view.requested.get(what, 0) - own.get(what, 0) + value <= view.node.allocatable.get(what, 0)
            for what, value in wanted.items()
        ):
            return name
    return None


def _missing(requests: Quantities, view: NodeView) -> float:
    """The largest share of the node, over resources, that is to become free."""
    allocatable, requested = view.node.allocatable, view.requested
    return max(
        (requested.get(name, 0) + value - allocatable[name]) / allocatable[name]
        for name, value in {**requests, PODS: 1}.items()
        if allocatable.get(name)
    )
