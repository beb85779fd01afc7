"""A decision about one Task, asked in one line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from loadstar.core.instructions import WriteStatus
from loadstar.core.model import Pod, Task, TaskStatus
from loadstar.core.placement import Decision, Placed
from loadstar.core.policy import Policy
from loadstar.core.reconcile import reconcile
from loadstar.core.states import State
from loadstar.core.view import View
from tests.unit.core.builders import NOW

PLACED = Placed("a", None, (), "a has the lowest predicted load", fresh=True)
ASSIGNED = TaskStatus(state=State.ASSIGNED, attempt=1, assigned_to="a", pod="t-01234-0-1", assigned=NOW - 5)
RUNNING = replace(ASSIGNED, state=State.RUNNING, started=NOW - 4)
SUCCESS = replace(RUNNING, state=State.SUCCESS, completed=NOW - 1)


def decide(of: Task, *pods: Pod, decision: Decision | None = None, **fields: Any) -> tuple[object, ...]:
    return reconcile(View(of, Policy(), pods, decision, **fields), NOW)


def written(instructions: tuple[object, ...]) -> TaskStatus:
    first = instructions[0]
    assert isinstance(first, WriteStatus)
    return first.status
