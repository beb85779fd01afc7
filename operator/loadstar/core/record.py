"""A decision with all that it was made from, so that it can be made again: what the decision log holds.

Of few nodes all are kept. Of many only those that decide: the chosen node and the next best, or, where there was none,
one node for each cause for which nodes were out. Over these alone the same function gives the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from loadstar.core.classes import PRIOR, Habit, class_of
from loadstar.core.decision import Decision, Placed, Unplaced
from loadstar.core.facts import Facts
from loadstar.core.fleet import Fleet
from loadstar.core.frontier import Frontiers
from loadstar.core.model import Strategy
from loadstar.core.placement import place, shown
from loadstar.core.policy import Policy
from loadstar.core.prediction import predict
from loadstar.core.request import Request
from loadstar.core.shapes import Shapes
from loadstar.core.snapshot import Snapshot
from loadstar.core.strategies import DRAWS
from loadstar.core.turns import Turns, base_weight

WHOLE: Final = DRAWS
"""Up to so many nodes all are kept, so that strategies that draw from some of many draw from all, as they did."""


@dataclass(slots=True)
class Record:
    """Never changed once it is made. `task`: namespace and name; `nodes`: those kept of `total`.

    `habit`: what was learned of the Task's class; `turns`: names in the order of RoundRobin, for that strategy alone;
    `waited` and `pods`: the seconds that it had waited, and the Pods without a node that there were.
    """

    task: tuple[str, str]
    request: Request
    now: float
    policy: Policy
    fleet: Fleet
    habit: Habit
    nodes: Mapping[str, Facts]
    total: int
    turns: tuple[str, ...]
    waited: float
    pods: int
    decision: Decision

    @property
    def whole(self) -> bool:
        """True when all nodes are in it."""
        return len(self.nodes) == self.total


def record(
    task: tuple[str, str], request: Request, snapshot: Snapshot, waited: float, pods: int, decision: Decision
) -> Record:
    """Keep a decision; to be called before anything else is decided or charged."""
    nodes, album = snapshot.nodes, snapshot.album
    whole = len(nodes) <= WHOLE
    kept = album.all(nodes) if whole else album.some(nodes, deciding(decision))
    turns: tuple[str, ...] = ()
    if request.template.strategy is Strategy.ROUND_ROBIN:
        turns = tuple(snapshot.turns) if whole else tuple(kept)
    habit = snapshot.habits.get(class_of(request.template.worker), PRIOR)
    return Record(
        task,
        request,
        snapshot.now,
        snapshot.policy,
        snapshot.fleet,
        habit,
        kept,
        len(nodes),
        turns,
        waited,
        pods,
        decision,
    )


def deciding(decision: Decision) -> tuple[str, ...]:
    """The nodes over which alone the decision would be the same."""
    if isinstance(decision, Unplaced) or decision.node is None:
        return decision.seen
    return (decision.node, *[score.node for score in decision.next])


def replay(kept: Record) -> Decision:
    """Decide again."""
    snapshot = rebuilt(kept)
    return shown(place(kept.request, snapshot), kept.policy, kept.waited, kept.pods)


def rebuilt(kept: Record) -> Snapshot:
    """The cluster as far as the record has it."""
    shapes, turns = Shapes(), Turns()
    shapes.weights = kept.policy.weights
    views = {name: facts.view() for name, facts in kept.nodes.items()}
    for name, view in views.items():
        shapes.put(view, predict(view, kept.policy, kept.nodes[name].at, kept.fleet), many=True)
        turns.put(name, base_weight(view.node))
    shapes.settle()
    turns.line_up(name for name in kept.turns if name in views)
    habits = {class_of(kept.request.template.worker): kept.habit}
    return Snapshot(views, kept.policy, kept.now, Frontiers(shapes), turns, kept.fleet, habits)


def difference(kept: Record, again: Decision) -> str:
    """What is not as it was, in a few words; empty when the answer is the same.

    Where not all nodes were kept, what counts all of them cannot be the same: the sentence, and the nodes by cause.
    """
    was = kept.decision
    if isinstance(was, Placed) and isinstance(again, Placed):
        names = ["node", "score", "next", "others", "fresh", "strategy"]
        names += ["message", "rejected"] if kept.whole else []
    elif isinstance(was, Unplaced) and isinstance(again, Unplaced):
        names = ["reason", "message"] if kept.whole else ["reason"]
    else:
        return f"was {_short(was)}, is {_short(again)}"
    other = [name for name in names if getattr(was, name) != getattr(again, name)]
    if not other:
        return ""
    if "node" in other or "reason" in other:
        return f"was {_short(was)}, is {_short(again)}"
    return ", ".join(f"{name} was {getattr(was, name)}, is {getattr(again, name)}" for name in other)


def _short(decision: Decision) -> str:
    if isinstance(decision, Unplaced):
        return f"{decision.reason} ({decision.message})"
    return decision.node or f"no node of ours ({decision.message})"
