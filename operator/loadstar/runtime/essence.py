"""What is still needed of what has ended, of which there may be very many: nothing is written to it any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from loadstar.core.dependencies import NO_DEPENDENCIES
from loadstar.core.model import Placement, Pod, Task, TaskStatus

_NO_PLACEMENT: Final = Placement()


def essence(task: Task) -> Task:
    """A Task in a final state."""
    status = task.status
    kept = TaskStatus(
        state=status.state,
        reason=status.reason,
        assigned_to=status.assigned_to,
        attempt=status.attempt,
        completed=status.completed,
    )
    return replace(task, worker=None, placement=_NO_PLACEMENT, dependencies=NO_DEPENDENCIES, status=kept)


def stripped(pod: Pod) -> Pod:
    """A Pod of such a Task: what it left is in the status of its Task."""
    return pod if pod.result is None else replace(pod, result=None)
