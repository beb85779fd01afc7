"""Which Tasks to stop so that one of higher priority gets room: the cheapest, and only if that is enough.

Pure; `loadstar.runtime.preemptions` remembers what was planned, `stops` ends the attempts. There are no cycles, since
every victim is of strictly lower priority than the Task that it makes room for, by what both specs say, not by what
they were lent; and none is stopped without end, since each Task may be a victim a few times only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from loadstar.core.fit import Cause, reject
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import PODS, Quantities
from loadstar.core.request import Request
from loadstar.core.resources import NOTHING_LEARNED
from loadstar.core.snapshot import Snapshot

MOST_TIMES: Final = 3
"""So often a Task may be stopped for others; then it is left alone."""
MINUTE: Final = 60.0

Cost: TypeAlias = tuple[int, int, int, float]
"""Whole minutes of work lost, the highest priority among the victims, how many there are, seconds of work lost."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A Task that may be stopped. `lost`: the seconds of work that go with it; `requests`: of its Pod on the node."""

    key: tuple[str, str]
    uid: str
    attempt: int
    priority: int
    node: str
    requests: Quantities
    lost: float
    times: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Room on the node, once these are stopped. Never without a victim."""

    node: str
    victims: tuple[Victim, ...]

    @property
    def cost(self) -> Cost:
        """The least is the best."""
        lost = sum(one.lost for one in self.victims)
        return int(lost // MINUTE), max(one.priority for one in self.victims), len(self.victims), lost


def plan(request: Request, priority: int, victims: Iterable[Victim], snapshot: Snapshot) -> Plan | None:
    """The cheapest way to make room for a Task of this priority; None where stopping Tasks makes none.

    Room is made for what is declared, so that whatever is learned meanwhile, there is enough of it.
    """
    by_node: dict[str, list[Victim]] = {}
    for victim in victims:
        if victim.priority < priority and victim.times < MOST_TIMES and victim.uid != request.task_uid:
            by_node.setdefault(victim.node, []).append(victim)
    whole = replace(request, template=replace(request.template, learned=NOTHING_LEARNED))
    # As for placing: nodes to be avoided, and those of Tasks to be apart from, are better than none.
    lenient = replace(whole, avoid=frozenset(), apart=frozenset())
    for asked in (whole, lenient) if whole != lenient else (whole,):
        plans = [
            Plan(name, chosen)
            for name, there in by_node.items()
            if name in snapshot.nodes and (chosen := _on(snapshot.nodes[name], asked, there))
        ]
        if plans:
            return min(plans, key=lambda one: (one.cost, one.node))
    return None


def _on(view: NodeView, request: Request, there: list[Victim]) -> tuple[Victim, ...]:
    """The victims on one node: as many of the cheapest as are needed, then without those that are not. None: empty."""
    rejection = reject(view, request)
    if rejection is None or rejection.cause is not Cause.FULL:
        return ()
    ordered = sorted(there, key=_price)
    chosen: list[Victim] = []
    for victim in ordered:
        chosen.append(victim)
        if _fits(view, request, chosen):
            break
    else:
        return ()
    for victim in reversed(chosen[:]):
        rest = [one for one in chosen if one is not victim]
        if _fits(view, request, rest):
            chosen = rest
    return tuple(chosen)


def _price(victim: Victim) -> tuple[int, int, float, str]:
    return int(victim.lost // MINUTE), victim.priority, victim.lost, victim.uid


def _fits(view: NodeView, request: Request, without: list[Victim]) -> bool:
    """Whether the Task fits the node once these are gone."""
    requested = dict(view.requested)
    for victim in without:
        for name, value in (*victim.requests.items(), (PODS, 1)):
            requested[name] = requested.get(name, 0) - value
    return reject(replace(view, requested=requested), request) is None
