"""Who is stopped for whom: what was planned, until the Task that it is for has its node or gives up.

In memory alone. What must survive a crash, that an attempt is being ended for another Task, is in the status of that
Task; a new leader plans anew what was not begun. The room itself is kept by a claim (`claiming`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from loadstar.core.model import Task
from loadstar.core.preemption import Plan
from loadstar.core.states import State
from loadstar.core.waiting import Key

PATIENCE_SECONDS: Final = 300.0
"""So long victims may take to end: their grace periods are their own."""
TAKE_SECONDS: Final = 20.0
"""So long the room is kept after the last one has ended."""
AGAIN_SECONDS: Final = 60.0
"""So long a Task that gave up has nobody stopped again."""
NAMED: Final = 5
"""So many victims are named in a sentence."""


@dataclass(slots=True)
class Preemption:
    """What is done for a Task; `until`: when it is given up; `ready`: all victims have ended."""

    key: Key
    uid: str
    priority: int
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
        return f"room is being made on {self.plan.node}, for which {', '.join(names[:NAMED])}{more} are stopped"

    def done(self, tasks: Mapping[Key, Task]) -> bool:
        """True once every victim's attempt has ended."""
        return not any(_goes_on(tasks.get(one.key), one.uid, one.attempt) for one in self.plan.victims)


class Preemptions:
    """All that are in force, by the Task that they are for and by those that are stopped."""

    def __init__(self) -> None:
        self._for: dict[Key, Preemption] = {}
        self._victims: dict[Key, Preemption] = {}
        self._again: dict[Key, float] = {}
        self._open: set[Key] = set()

    def __len__(self) -> int:
        return len(self._for)

    def __iter__(self) -> Iterator[Preemption]:
        return iter(tuple(self._for.values()))

    @property
    def open(self) -> Iterator[Key]:
        """Tasks that have a node and say that they may be stopped."""
        return iter(self._open)

    def follow(self, task: Task) -> None:
        """A Task as it is now."""
        held = task.preemptible and task.status.state in {State.ASSIGNED, State.RUNNING}
        (self._open.add if held else self._open.discard)(task.key)

    def forget(self, key: Key) -> None:
        """A Task is gone."""
        self._open.discard(key)

    def begin(self, one: Preemption) -> None:
        """Stop these for the Task."""
        self._for[one.key] = one
        self._victims.update({victim.key: one for victim in one.plan.victims})

    def end(self, one: Preemption) -> None:
        """The Task needs nothing any more, or gives up: victims that were not stopped yet go on."""
        self._for.pop(one.key, None)
        for victim in one.plan.victims:
            if self._victims.get(victim.key) is one:
                del self._victims[victim.key]

    def bar(self, key: Key, now: float) -> None:
        """It came to nothing for the Task, which waits like any other for a while."""
        self._again = {other: until for other, until in self._again.items() if until > now}
        self._again[key] = now + AGAIN_SECONDS

    def barred(self, key: Key, now: float) -> bool:
        """True for a Task for which others are stopped already, or were in vain a moment ago."""
        return key in self._for or self._again.get(key, 0.0) > now

    def planned(self, key: Key) -> bool:
        """True for a Task that is stopped, or is to be."""
        return key in self._victims

    def against(self, task: Task) -> Preemption | None:
        """For what this attempt of the Task is to end; None when it may go on."""
        one = self._victims.get(task.key)
        if one is None:
            return None
        same = any(victim.uid == task.uid and victim.attempt == task.status.attempt for victim in one.plan.victims)
        return one if same else None

    def of(self, key: Key) -> Preemption | None:
        """What is done for a Task."""
        return self._for.get(key)


def _goes_on(task: Task | None, uid: str, attempt: int) -> bool:
    if task is None or task.uid != uid or task.status.attempt != attempt:
        return False
    return task.status.state in {State.ASSIGNED, State.RUNNING}
