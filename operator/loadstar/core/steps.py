"""The status that each edge of the state machine writes. Every one passes the guard of `states`.

When an edge is taken is `reconcile`'s decision.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Final

from loadstar.core.conditions import with_conditions
from loadstar.core.ending import End, Verdict, read_end
from loadstar.core.instructions import Emit, Instruction, WriteStatus
from loadstar.core.model import Attempt, Pod, Task, TaskStatus
from loadstar.core.naming import pod_name
from loadstar.core.placement import Placed
from loadstar.core.reasons import Reason
from loadstar.core.states import State, guard

ATTEMPTS_KEPT: Final = 5
REFUSED_SECONDS: Final = 5.0
REFUSED_MAX_SECONDS: Final = 160.0
FREE_DISRUPTIONS: Final = 3
"""So many disruptions in a row are retried at once; from then on each waits twice as long as the one before."""
DISRUPTED_MAX_SECONDS: Final = 60.0

BACK_OFF_REASONS: Final = {Reason.BACKING_OFF, Reason.POD_CREATE_FORBIDDEN}
"""Reasons that already say why a Task waits for its `notBefore`."""


def assign(task: Task, placed: Placed, now: float) -> tuple[Instruction, ...]:
    """PENDING → ASSIGNED: open the next attempt. This write is its lock."""
    attempt = task.status.attempt + 1
    status = replace(
        _move(task, State.ASSIGNED, Reason.NODE_CHOSEN, placed.message),
        assigned_to=placed.node or "",
        attempt=attempt,
        pod=pod_name(task.name, task.uid, 0, attempt),
        assigned=now,
        started=None,
        completed=None,
        exit_code=None,
        not_before=None,
        score=placed.score,
        score_next=placed.next,
        score_message=placed.message,
    )
    fresh = placed.fresh if placed.score is not None else None
    return (WriteStatus(with_conditions(status, task.generation, now, fresh=fresh)),)


def run(task: Task, pod: Pod, now: float) -> tuple[Instruction, ...]:
    """ASSIGNED → RUNNING: the container runs, or ran; the node is the one that was bound."""
    status = replace(
        _move(task, State.RUNNING, Reason.PARTS_RUNNING, f"attempt {task.status.attempt} runs on {pod.node}"),
        assigned_to=pod.node,
        started=pod.started if pod.started is not None else now,
    )
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def finish(task: Task, pod: Pod, now: float) -> tuple[Instruction, ...]:
    """The Pod of the current attempt has ended: succeed, retry, or fail."""
    end = read_end(pod)
    if end.verdict is Verdict.SUCCESS:
        status = _closed(task, pod, end, now, State.SUCCESS)
        return (WriteStatus(with_conditions(replace(status, parts="1/1"), task.generation, now)),)
    if end.verdict is Verdict.DISRUPTION:
        return _disrupted(task, pod, end, now)
    failures = task.status.failures + 1
    if end.verdict is Verdict.DEADLINE or failures > task.retry.limit:
        spent = f"; attempt {task.status.attempt}, {failures} failed, retry.limit {task.retry.limit}"
        text = end.message if end.verdict is Verdict.DEADLINE else end.message + spent
        status = replace(_closed(task, pod, end, now, State.FAILED), failures=failures, message=text)
        return (
            WriteStatus(with_conditions(status, task.generation, now)),
            Emit("TaskFailed", f"{end.reason}: {text}"),
        )
    delay = back_off(task, failures)
    text = f"attempt {task.status.attempt} failed ({end.reason}: {end.message}); next in {delay:g} s"
    status = replace(
        _reopened(task, pod, end, now, Reason.BACKING_OFF, text), failures=failures, not_before=ceil(now + delay)
    )
    return (
        WriteStatus(with_conditions(status, task.generation, now)),
        Emit("AttemptFailed", text),
    )


def give_up(task: Task, reason: Reason, message: str, now: float) -> tuple[Instruction, ...]:
    """→ FAILED without a Pod: what is written can never run."""
    status = replace(_move(task, State.FAILED, reason, message), completed=now)
    return (WriteStatus(with_conditions(status, task.generation, now)), Emit("TaskFailed", f"{reason}: {message}"))


def refused(task: Task, message: str, now: float) -> tuple[Instruction, ...]:
    """ASSIGNED → PENDING: the API server refused the Pod; there was no attempt, so its number is used again."""
    times = _trailing(task.status, Reason.POD_CREATE_FORBIDDEN)
    delay = min(REFUSED_MAX_SECONDS, REFUSED_SECONDS * 2**times)
    record = Attempt(
        attempt=task.status.attempt,
        node=task.status.assigned_to,
        pod=task.status.pod,
        reason=Reason.POD_CREATE_FORBIDDEN,
        finished=now,
        message=message,
    )
    status = replace(
        _move(task, State.PENDING, Reason.POD_CREATE_FORBIDDEN, message),
        attempt=task.status.attempt - 1,
        assigned_to="",
        pod="",
        assigned=None,
        not_before=ceil(now + delay),
        attempts=_kept(task.status, record),
    )
    return (WriteStatus(with_conditions(status, task.generation, now)), Emit("PodCreateForbidden", message))


def back_off(task: Task, failures: int) -> float:
    """Seconds to wait after so many failures: initial·factor^(failures-1), at most the maximum."""
    policy = task.retry.backoff
    exponent = min(failures - 1, 64)
    return min(policy.max_seconds, policy.initial_seconds * policy.factor**exponent)


def never_bound(status: TaskStatus) -> tuple[str, ...]:
    """The nodes that the latest attempts in a row did not get onto."""
    count = _trailing(status, Reason.NEVER_BOUND)
    return tuple(attempt.node for attempt in status.attempts[len(status.attempts) - count :])


def _disrupted(task: Task, pod: Pod, end: End, now: float) -> tuple[Instruction, ...]:
    in_a_row = 1 + _trailing(task.status, Reason.DISRUPTED, Reason.POD_LOST, Reason.NEVER_BOUND)
    status = replace(
        _reopened(task, pod, end, now, end.reason, f"attempt {task.status.attempt}: {end.message}"),
        disruptions=task.status.disruptions + 1,
    )
    if in_a_row > FREE_DISRUPTIONS:
        delay = min(DISRUPTED_MAX_SECONDS, 2.0 ** (in_a_row - FREE_DISRUPTIONS))
        status = replace(status, not_before=ceil(now + delay))
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def _move(task: Task, state: State, reason: Reason, message: str) -> TaskStatus:
    return replace(task.status, state=guard(task.status.state, state), reason=reason, message=message)


def _closed(task: Task, pod: Pod, end: End, now: float, state: State) -> TaskStatus:
    """A final status; the node's clock says when the container ended, ours only when it does not."""
    return replace(
        _move(task, state, end.reason, end.message),
        completed=pod.finished if pod.finished is not None else now,
        exit_code=pod.exit_code,
        attempts=_kept(task.status, _record(task, pod, end)),
    )


def _reopened(task: Task, pod: Pod, end: End, now: float, reason: Reason, message: str) -> TaskStatus:
    return replace(
        _move(task, State.PENDING, reason, message),
        assigned_to="",
        pod="",
        assigned=None,
        started=None,
        exit_code=pod.exit_code,
        not_before=None,
        attempts=_kept(task.status, _record(task, pod, end, now)),
    )


def _record(task: Task, pod: Pod, end: End, now: float | None = None) -> Attempt:
    return Attempt(
        attempt=task.status.attempt,
        node=pod.node or task.status.assigned_to,
        pod=pod.name,
        reason=end.reason,
        started=pod.started,
        finished=pod.finished if pod.finished is not None else now,
        exit_code=pod.exit_code,
        message=end.message,
    )


def _kept(status: TaskStatus, record: Attempt) -> tuple[Attempt, ...]:
    return (*status.attempts, record)[-ATTEMPTS_KEPT:]


def _trailing(status: TaskStatus, *reasons: Reason) -> int:
    count = 0
    for attempt in reversed(status.attempts):
        if attempt.reason not in reasons:
            break
        count += 1
    return count
