"""The status that each edge of the state machine writes, as a Task goes its way. Each passes the guard of `states`.

When an edge is taken is `reconcile`'s decision; what a user or a deadline cuts short is `stops`'.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Final

from loadstar.core.choice import choice
from loadstar.core.conditions import with_conditions
from loadstar.core.ending import End, Verdict, read_end, short_of_memory
from loadstar.core.instructions import Emit, Instruction, WriteStatus
from loadstar.core.learning import over_quota, spared
from loadstar.core.model import Attempt, Pod, Task, TaskStatus
from loadstar.core.naming import pod_name
from loadstar.core.placement import Placed
from loadstar.core.quantity import CPU, MEMORY, Quantities, show
from loadstar.core.reasons import Reason
from loadstar.core.records import closed, kept, moved, reopened, trailing
from loadstar.core.resources import Resources, resources_of
from loadstar.core.retries import Sequel, back_off, ignored_in_a_row, memory_factor, more_memory, sequel
from loadstar.core.rules import Action
from loadstar.core.states import State
from loadstar.core.usage import Usage

REFUSED_SECONDS: Final = 5.0
REFUSED_MAX_SECONDS: Final = 160.0
FREE_DISRUPTIONS: Final = 3
"""So many disruptions in a row are retried at once; from then on each waits twice as long as the one before."""
DISRUPTED_MAX_SECONDS: Final = 60.0

BACK_OFF_REASONS: Final = {Reason.BACKING_OFF, Reason.POD_CREATE_FORBIDDEN}
"""Reasons that already say why a Task waits for its `notBefore`."""
ELSEWHERE: Final = (Reason.NEVER_BOUND, Reason.NODE_REFUSED)
"""Ends after which another node is tried: nothing ran there."""
INTERRUPTIONS: Final = (Reason.DISRUPTED, Reason.POD_LOST, Reason.NODE_LOST, *ELSEWHERE)


def assign(task: Task, placed: Placed, declared: Quantities, now: float) -> tuple[Instruction, ...]:
    """PENDING → ASSIGNED: open the next attempt. This write is its lock, also of what its Pod asks for."""
    asks, killed, factor = placed.learned, killed_at(task.status), memory_factor(task.status)
    held = None
    if asks.requests or killed is not None or factor > 1:
        held = resources_of(declared, {**declared, **asks.requests}, asks.percentile, killed, factor)
    attempt = task.status.attempt + 1
    status = replace(
        moved(task, State.ASSIGNED, Reason.NODE_CHOSEN, placed.message),
        assigned_to=placed.node or "",
        attempt=attempt,
        pod=pod_name(task.name, task.uid, 0, attempt),
        assigned=now,
        started=None,
        completed=None,
        exit_code=None,
        not_before=None,
        choice=choice(placed),
        resources=held,
        expected_end=None,
    )
    fresh, met = placed.fresh if placed.score is not None else None, bool(task.dependencies)
    return (WriteStatus(with_conditions(status, task.generation, now, fresh=fresh, met=met)),)


def adopt(task: Task, pod: Pod, declared: Quantities, now: float) -> tuple[Instruction, ...]:
    """PENDING → ASSIGNED: open the next attempt with the Pod that is there for it already, on the node chosen then."""
    attempts = task.status.attempts
    chosen = next(iter(pod.named), "") or (attempts[-1].node if attempts else "")
    held = resources_of(declared, pod.requests, None, killed_at(task.status), memory_factor(task.status))
    status = replace(
        moved(task, State.ASSIGNED, Reason.NODE_CHOSEN, f"Pod {pod.name}, which had seemed refused, is there"),
        assigned_to=pod.node or chosen,
        attempt=pod.attempt,
        pod=pod.name,
        assigned=now,
        started=None,
        completed=None,
        exit_code=None,
        not_before=None,
        resources=held if held.learned or held.killed is not None or held.memory_factor > 1 else None,
    )
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def run(task: Task, pod: Pod, now: float, takes: float | None = None) -> tuple[Instruction, ...]:
    """ASSIGNED → RUNNING: the container runs, or ran; the node is the one that was bound.

    `takes`: the seconds that Tasks of its class take, when that is known.
    """
    started = pod.started if pod.started is not None else now
    status = replace(
        moved(task, State.RUNNING, Reason.PARTS_RUNNING, f"attempt {task.status.attempt} runs on {pod.node}"),
        assigned_to=pod.node,
        started=started,
        expected_end=None if takes is None else started + takes,
    )
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def finish(
    task: Task, pod: Pod, now: float, usage: Usage | None = None, limit: int | None = None
) -> tuple[Instruction, ...]:
    """The Pod of the current attempt has ended: succeed, or go by the rules of the Task's `retry`.

    What happened by our doing, since less than is declared was asked for, is free whatever the rules say.
    `usage`: what it was seen to use; `limit`: the bytes of memory that it may use at most.
    """
    task = used(task, pod, usage)
    end = read_end(pod)
    if end.verdict is Verdict.SUCCESS:
        status = closed(task, pod, end, now, State.SUCCESS)
        status = replace(status, parts="1/1", result=pod.result)
        return (WriteStatus(with_conditions(status, task.generation, now)),)
    if end.reason is Reason.OOM_KILLED and spared(task.status, limit, usage):
        return _spare(task, pod, end, now)
    if end.verdict is Verdict.DISRUPTION and short_of_memory(pod) and spared(task.status, None, None):
        return disrupt(task, pod, end, now)
    follows = sequel(task, pod, end)
    match follows.action:
        case Action.FAIL:
            return _end(task, pod, end, now, follows.rule)
        case Action.IGNORE if end.verdict is Verdict.DISRUPTION:
            return disrupt(task, pod, end, now)
        case Action.IGNORE:
            return _ignore(task, pod, end, now, follows.rule)
        case Action.RETRY:
            return _retry(task, pod, end, now, follows)


def _end(task: Task, pod: Pod, end: End, now: float, rule: str) -> tuple[Instruction, ...]:
    """→ FAILED at once, whatever attempts are left."""
    text = f"{rule}: {end.message}" if rule else end.message
    status = replace(closed(task, pod, end, now, State.FAILED), failures=task.status.failures + 1, message=text)
    return _fail(status, task, now)


def _retry(task: Task, pod: Pod, end: End, now: float, follows: Sequel) -> tuple[Instruction, ...]:
    """Spend one of retry.limit: wait for the next attempt, or end when there is none."""
    failures = task.status.failures + 1
    if failures > task.retry.limit:
        spent = f"; attempt {task.status.attempt}, {failures} failed, retry.limit {task.retry.limit}"
        status = replace(closed(task, pod, end, now, State.FAILED), failures=failures, message=end.message + spent)
        return _fail(status, task, now)
    delay, held = back_off(task, failures), task.status.resources
    text = f"attempt {task.status.attempt} failed ({end.reason}: {end.message}); next in {delay:.1f} s"
    if follows.memory_factor > 1:
        factor = more_memory(task.status, follows.memory_factor)
        held = replace(held or Resources(), memory_factor=factor)
        text += f" with {factor:g} times the memory that is declared"
    status = replace(
        reopened(task, pod, end, now, Reason.BACKING_OFF, text),
        failures=failures,
        not_before=ceil(now + delay),
        resources=held,
    )
    return (WriteStatus(with_conditions(status, task.generation, now)), Emit("AttemptFailed", text))


def _ignore(task: Task, pod: Pod, end: End, now: float, rule: str) -> tuple[Instruction, ...]:
    """A failure that a rule makes free: it counts as a disruption, and the next attempt waits as after a failure."""
    disruptions = task.status.disruptions + 1
    if disruptions > task.retry.disruption_limit:
        return _disrupted_too_often(task, pod, end, now)
    delay = back_off(task, ignored_in_a_row(task.status, end.reason))
    text = f"{rule}: attempt {task.status.attempt} ended ({end.reason}: {end.message}); next in {delay:.1f} s"
    status = replace(
        reopened(task, pod, end, now, Reason.BACKING_OFF, text), disruptions=disruptions, not_before=ceil(now + delay)
    )
    return (WriteStatus(with_conditions(status, task.generation, now)), Emit("AttemptIgnored", text))


def _spare(task: Task, pod: Pod, end: End, now: float) -> tuple[Instruction, ...]:
    """Killed for memory below what is declared: that is our doing, so it is free, and what is declared comes next."""
    held = _marked(task.status)
    asked = show(MEMORY, held.killed or 0)
    text = f"attempt {task.status.attempt} was killed for memory while it asked for {asked}, less than is declared"
    status = replace(
        reopened(task, pod, end, now, Reason.OOM_KILLED, f"{text}; the next one, free of charge, asks for that"),
        resources=held,
    )
    return (WriteStatus(with_conditions(status, task.generation, now)), Emit("OOMBelowDeclared", text))


def _marked(status: TaskStatus) -> Resources:
    """The resources of an attempt for which the memory that it asked for was too little."""
    held = status.resources or Resources()
    return replace(held, killed=held.requested.get(MEMORY, 0))


def used(task: Task, pod: Pod, usage: Usage | None) -> Task:
    """The Task with what its attempt was seen to use in its status, where that is known."""
    if usage is None or not usage.enough:
        return task
    held = task.status.resources
    if held is None:
        held = resources_of(pod.requests, pod.requests, None, None)
    amounts = {CPU: ceil(usage.cpu), MEMORY: ceil(usage.memory)}
    return replace(task, status=replace(task.status, resources=replace(held, used=amounts)))


def killed_at(status: TaskStatus) -> int | None:
    """What an attempt asked for that was killed for memory below what is declared."""
    return None if status.resources is None else status.resources.killed


def disrupt(task: Task, pod: Pod, end: End, now: float) -> tuple[Instruction, ...]:
    """The attempt was cut short by no fault of its own: again, unless that has happened too often.

    A Pod that was never bound ran nowhere: it counts towards the growing wait, not towards the limit.
    """
    disruptions = task.status.disruptions + (end.reason is not Reason.NEVER_BOUND)
    if disruptions > task.retry.disruption_limit and end.reason is not Reason.NEVER_BOUND:
        return _disrupted_too_often(task, pod, end, now)
    in_a_row = 1 + trailing(task.status, *INTERRUPTIONS)
    status = replace(
        reopened(task, pod, end, now, end.reason, f"attempt {task.status.attempt}: {end.message}"),
        disruptions=disruptions,
    )
    if short_of_memory(pod) and spared(task.status, None, None):
        # Evicted for using more than it asked for, though not more than is declared: that comes next.
        status = replace(status, resources=_marked(task.status))
    if in_a_row > FREE_DISRUPTIONS:
        delay = min(DISRUPTED_MAX_SECONDS, 2.0 ** (in_a_row - FREE_DISRUPTIONS))
        status = replace(status, not_before=ceil(now + delay))
    return (WriteStatus(with_conditions(status, task.generation, now)),)


def _disrupted_too_often(task: Task, pod: Pod, end: End, now: float) -> tuple[Instruction, ...]:
    disruptions = task.status.disruptions + 1
    text = f"{disruptions} disruptions, retry.disruptionLimit {task.retry.disruption_limit}; the last: {end.message}"
    status = replace(closed(task, pod, end, now, State.FAILED), disruptions=disruptions, message=text)
    return _fail(replace(status, reason=Reason.DISRUPTION_LIMIT_EXCEEDED), task, now)


def give_up(task: Task, reason: Reason, message: str, now: float) -> tuple[Instruction, ...]:
    """→ FAILED without a Pod: it can never run as it is written, or waited too long."""
    return _fail(replace(moved(task, State.FAILED, reason, message), completed=now), task, now)


def refused(task: Task, message: str, now: float) -> tuple[Instruction, ...]:
    """ASSIGNED → PENDING: the API server refused the Pod; there was no attempt, so its number is used again."""
    times = trailing(task.status, Reason.POD_CREATE_FORBIDDEN)
    delay = min(REFUSED_MAX_SECONDS, REFUSED_SECONDS * 2**times)
    modest = task.status.resources is not None and task.status.resources.learned
    one = Attempt(
        attempt=task.status.attempt,
        node=task.status.assigned_to,
        pod=task.status.pod,
        reason=Reason.POD_CREATE_FORBIDDEN,
        finished=now,
        message=message,
    )
    status = replace(
        moved(task, State.PENDING, Reason.POD_CREATE_FORBIDDEN, message),
        attempt=task.status.attempt - 1,
        assigned_to="",
        pod="",
        assigned=None,
        # As declared it may be let in at once.
        not_before=None if modest and not over_quota(message) else ceil(now + delay),
        attempts=kept(task.status, one),
    )
    return (WriteStatus(with_conditions(status, task.generation, now)), Emit("PodCreateForbidden", message))


def tried_in_vain(status: TaskStatus) -> tuple[str, ...]:
    """The nodes that the latest attempts in a row did not get onto."""
    count = times_in_vain(status)
    latest = status.attempts[len(status.attempts) - count :]
    return tuple(name for attempt in latest for name in (attempt.node, *attempt.others))


def times_in_vain(status: TaskStatus) -> int:
    """How many of the latest attempts in a row did not get onto a node."""
    return trailing(status, *ELSEWHERE)


def _fail(status: TaskStatus, task: Task, now: float) -> tuple[Instruction, ...]:
    return (
        WriteStatus(with_conditions(status, task.generation, now)),
        Emit("TaskFailed", f"{status.reason}: {status.message}"),
    )
