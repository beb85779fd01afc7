"""Who is making room for whom: what was planned, until the Task that it is for has its node or gives up.

In memory alone. What must survive a crash, that an attempt is being ended for another Task, is in the status of that
Task; a new leader plans anew what was not begun.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from loadstar.core.model import Task
from loadstar.core.preemption import Plan
from loadstar.core.quantity import Quantities
from loadstar.core.states import State
from loadstar.core.waiting import Key

PATIENCE_SECONDS: Final = 300.0
"""So long victims may take to end: their grace periods are their own."""
TAKE_SECONDS: Final = 20.0
"""So long the room is kept after the last one has ended."""
NAMED: Final = 5
"""So many victims are named in a sentence."""
AGAIN_SECONDS: Final = 60.0
"""So long a Task that gave up makes no room again."""


@dataclass(slots=True)
class Claim:
    """Room for a Task on a node; `until`: when it is given up."""

    key: Key
    uid: str
    priority: int
    requests: Quantities
    plan: Plan
    until: float
    ready: bool = False

    @property
    def words(self) -> str:
        """For whom."""
        return f"{'/'.join(self.key)} of priority {self.priority}"

    @property
    def room(self) -> str:
        """Where, and who makes it."""
        names = [f"{'/'.join(one.key)} of priority {one.priority}" for one in self.plan.victims]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return f"room is being made on {self.plan.node}: {', '.join(names[:NAMED])}{more} stopped"


class Claims:
    """All claims, by the Task that they are for and by those that make room."""

    def __init__(self) -> None:
        self._claims: dict[Key, Claim] = {}
        self._victims: dict[Key, Claim] = {}
        self._again: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._claims)

    def __iter__(self) -> Iterator[Claim]:
        return iter(list(self._claims.values()))

    def __contains__(self, key: object) -> bool:
        return key in self._claims

    def make(self, claim: Claim) -> None:
        """Begin to make room."""
        self._claims[claim.key] = claim
        self._victims.update({victim.key: claim for victim in claim.plan.victims})

    def drop(self, claim: Claim) -> None:
        """Nobody needs the room any more, or it is given up: victims that were not stopped yet go on."""
        self._claims.pop(claim.key, None)
        for victim in claim.plan.victims:
            if self._victims.get(victim.key) is claim:
                del self._victims[victim.key]

    def bar(self, key: Key, now: float) -> None:
        """It came to nothing for the Task, which waits like any other for a while."""
        self._again = {other: until for other, until in self._again.items() if until > now}
        self._again[key] = now + AGAIN_SECONDS

    def barred(self, key: Key, now: float) -> bool:
        """True for a Task that has a claim, or gave one up a moment ago."""
        return key in self._claims or self._again.get(key, 0.0) > now

    def claimed(self, key: Key) -> bool:
        """True for a Task that makes room already."""
        return key in self._victims

    def against(self, task: Task) -> Claim | None:
        """For whom this attempt of the Task is to end; None when it may go on."""
        claim = self._victims.get(task.key)
        if claim is None:
            return None
        same = any(one.uid == task.uid and one.attempt == task.status.attempt for one in claim.plan.victims)
        return claim if same else None

    def for_(self, key: Key) -> Claim | None:
        """The room that is being made for a Task."""
        return self._claims.get(key)


def gone(claim: Claim, tasks: Mapping[Key, Task]) -> bool:
    """True once every victim's attempt has ended."""
    for victim in claim.plan.victims:
        task = tasks.get(victim.key)
        live = task is not None and task.uid == victim.uid and task.status.attempt == victim.attempt
        if task is not None and live and task.status.state in {State.ASSIGNED, State.RUNNING}:
            return False
    return True
