"""How a status changes when an attempt is closed: the record that stays of it, and the fields that go.

`steps` and `stops` say when and with which words.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from loadstar.core.conditions import with_conditions
from loadstar.core.ending import End
from loadstar.core.model import Attempt, Pod, Task, TaskStatus
from loadstar.core.reasons import Reason
from loadstar.core.states import State, guard

ATTEMPTS_KEPT: Final = 5


def moved(task: Task, state: State, reason: str, message: str) -> TaskStatus:
    """The status in another state, if the table allows it. Raises InvalidStateTransition."""
    return replace(task.status, state=guard(task.status.state, state), reason=reason, message=message, stopping="")


def closed(task: Task, pod: Pod, end: End, now: float, state: State) -> TaskStatus:
    """A final status; the node's clock says when the container ended, ours only when it does not."""
    return replace(
        moved(task, state, end.reason, end.message),
        completed=pod.finished if pod.finished is not None else now,
        exit_code=pod.exit_code,
        # Of a success the status itself says all that a record would.
        attempts=task.status.attempts if state is State.SUCCESS else kept(task.status, record(task, pod, end)),
    )


def reopened(task: Task, pod: Pod, end: End, now: float, reason: Reason, message: str) -> TaskStatus:
    """A status that waits again: the attempt is on record and holds nothing any more."""
    return replace(
        moved(task, State.PENDING, reason, message),
        assigned_to="",
        pod="",
        assigned=None,
        started=None,
        exit_code=pod.exit_code,
        not_before=None,
        waiting=now,
        expected_end=None,
        attempts=kept(task.status, record(task, pod, end, now)),
    )


def bared(status: TaskStatus, generation: int, now: float) -> TaskStatus:
    """The status without what earlier ones left in it: what the cluster shows is enough to go on."""
    bare = replace(status, attempts=(), conditions=(), choice=None)
    return with_conditions(bare, generation, now)


def record(task: Task, pod: Pod, end: End, now: float | None = None) -> Attempt:
    """What stays of an attempt."""
    return Attempt(
        attempt=task.status.attempt,
        node=pod.node or task.status.assigned_to,
        pod=pod.name,
        reason=end.reason,
        started=pod.started,
        finished=pod.finished if pod.finished is not None else now,
        exit_code=pod.exit_code,
        message=end.message,
        others=_refused(task, pod, end),
    )


def _refused(task: Task, pod: Pod, end: End) -> tuple[str, ...]:
    """What nodes beside the chosen one did not take the Pod: all that it named, when it was bound to none."""
    if end.reason is not Reason.NEVER_BOUND:
        return ()
    return tuple(name for name in pod.named if name != task.status.assigned_to)


def kept(status: TaskStatus, one: Attempt) -> tuple[Attempt, ...]:
    """The last few attempts."""
    return (*status.attempts, one)[-ATTEMPTS_KEPT:]


def trailing(status: TaskStatus, *reasons: Reason) -> int:
    """How many of the latest attempts in a row ended for one of these reasons."""
    count = 0
    for attempt in reversed(status.attempts):
        if attempt.reason not in reasons:
            break
        count += 1
    return count
