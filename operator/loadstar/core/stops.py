"""What cuts an attempt or a wait short: cancelled, suspended, a deadline of waiting, a node that was given up.

An open attempt is stopped in two steps, so that no crash in between loses the verdict: first the reason is written
(`status.stopping`), then its Pod is ended; what the Pod ends with is then read in that light.
"""

from __future__ import annotations

import re
from dataclasses import replace

from loadstar.core import steps
from loadstar.core.conditions import with_conditions
from loadstar.core.ending import End, Verdict
from loadstar.core.instructions import Emit, Instruction, WriteStatus
from loadstar.core.model import Phase, Pod, Task
from loadstar.core.reasons import Reason
from loadstar.core.records import closed, moved, reopened
from loadstar.core.states import State

MESSAGES = {
    Reason.CANCELLED: "cancelled by spec.cancel",
    Reason.SUSPENDED: "suspended by spec.suspend",
    Reason.PENDING_DEADLINE_EXCEEDED: "waited longer than timeouts.pendingSeconds",
    Reason.PREEMPTED: "stopped to make room for",
    Reason.NODE_LOST: "its node did not answer for retry.onNodeLost.replaceAfterSeconds",
}
_PREEMPTED_FOR = re.compile(rf"{MESSAGES[Reason.PREEMPTED]} ([^/ ]+)/([^/ ]+) of priority")


def waiting_since(task: Task) -> float:
    """When the Task began to wait for its next container: its last change to waiting, else its creation."""
    return task.created if task.status.waiting is None else task.status.waiting


def overdue(task: Task, now: float) -> bool:
    """True when it has waited longer than it may."""
    return task.pending_seconds is not None and now >= waiting_since(task) + task.pending_seconds


def why(task: Task, now: float, *, started: bool) -> Reason | None:
    """Why an open attempt is to be stopped now, None when it is not. `started`: its container runs."""
    if task.cancel:
        return Reason.CANCELLED
    if task.suspend:
        return Reason.SUSPENDED
    if not started and overdue(task, now):
        return Reason.PENDING_DEADLINE_EXCEEDED
    return None


def stop(task: Task, reason: Reason, now: float) -> tuple[Instruction, ...]:
    """Write down for which reason the open attempt is being ended; its state stays."""
    return _stop(task, reason, MESSAGES[reason], now)


def preempt(task: Task, preemptor: str, now: float) -> tuple[Instruction, ...]:
    """The same for a Task that makes room for another; an Event tells it to its user."""
    said = f"{MESSAGES[Reason.PREEMPTED]} {preemptor}"
    return (*_stop(task, Reason.PREEMPTED, said, now), Emit(Reason.PREEMPTED, f"attempt {task.status.attempt} {said}"))


def preempted_for(task: Task) -> tuple[str, str] | None:
    """Namespace and name of the Task for which this one was last stopped, or is being; None when it was not."""
    found = _PREEMPTED_FOR.search(task.status.message)
    return (found[1], found[2]) if found else None


def _stop(task: Task, reason: Reason, said: str, now: float) -> tuple[Instruction, ...]:
    text = f"{said}: attempt {task.status.attempt} is being ended"
    status = replace(task.status, stopping=reason, reason=reason, message=text)
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def stopped(task: Task, pod: Pod, now: float) -> tuple[Instruction, ...]:
    """The Pod of an attempt that was being stopped has ended.

    One that had succeeded before it was deleted has done its work, whatever was asked meanwhile.
    """
    reason = Reason(task.status.stopping)
    if pod.phase is Phase.SUCCEEDED and not pod.deleting:
        return steps.finish(task, pod, now)
    end = End(Verdict.DISRUPTION, reason, MESSAGES[reason])
    if reason is Reason.PREEMPTED:
        said = task.status.message.partition(": attempt ")[0]
        end = End(Verdict.DISRUPTION, reason, said)
        status = reopened(task, pod, end, now, reason, f"attempt {task.status.attempt} was {said}")
        status = replace(status, preemptions=task.status.preemptions + 1)
        return (WriteStatus(with_conditions(status, task.generation, now)),)
    if reason is Reason.NODE_LOST:
        return steps.disrupt(task, pod, end, now)
    if reason is Reason.SUSPENDED:
        text = f"suspended; attempt {task.status.attempt} was ended"
        status = reopened(task, pod, end, now, reason, text)
        return (WriteStatus(with_conditions(status, task.generation, now)),)
    status = closed(task, pod, end, now, State.FAILED)
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def cancel(task: Task, now: float) -> tuple[Instruction, ...]:
    """PENDING → FAILED, as its user asked."""
    status = replace(moved(task, State.FAILED, Reason.CANCELLED, MESSAGES[Reason.CANCELLED]), completed=now)
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def suspend(task: Task, now: float) -> tuple[Instruction, ...]:
    """Stay PENDING, and say that this is by request."""
    status = moved(task, State.PENDING, Reason.SUSPENDED, MESSAGES[Reason.SUSPENDED])
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def resume(task: Task, now: float) -> tuple[Instruction, ...]:
    """Stay PENDING and wait for a node again; the time of waiting begins anew."""
    status = replace(moved(task, State.PENDING, Reason.QUEUED, "resumed"), waiting=now)
    return (WriteStatus(with_conditions(status, task.generation, now)),)
