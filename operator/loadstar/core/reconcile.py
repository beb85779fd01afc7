"""One Task, level-based: from what is seen of it and its Pods, what to do next.

The same view gives the same instructions however often and after whatever crash it is asked. Choosing a node is
`placement`'s, reading a Pod's end `ending`'s, which Pods may go `pods`'; carrying out is the runtime's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from loadstar.core import pods, steps, stops
from loadstar.core.dependencies import Needs, verdict
from loadstar.core.instructions import (
    ConfirmDependency,
    ConfirmPod,
    CreatePod,
    DeletePod,
    DeleteTask,
    Expire,
    Instruction,
    RefreshTask,
    RequestPlacement,
    Requeue,
    RestorePod,
    Wait,
)
from loadstar.core.model import Phase, Pod, Task
from loadstar.core.naming import pod_name
from loadstar.core.placement import Unplaced
from loadstar.core.quantity import Quantities
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from loadstar.core.template import missing_worker_message, resolve
from loadstar.core.view import NodeState, View

BIND_SECONDS: Final = 20.0
"""How long kube-scheduler may take to bind a pinned Pod before another node is tried."""
STALE_SECONDS: Final = 2.0
"""How soon a Task is looked at again whose Pods are newer than what is known of it."""

_IMAGE_REASONS: Final = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
}
_CONFIG_REASONS: Final = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_OVER: Final = {Phase.SUCCEEDED, Phase.FAILED}
_DEAD: Final = {NodeState.GONE, NodeState.OUT_OF_SERVICE}


def reconcile(view: View, now: float) -> tuple[Instruction, ...]:
    """The instructions for this Task now; none means that it is at rest until something changes."""
    task = view.task
    if task.deleting:
        return pods.released(view)
    # After a final state no attempt is opened, so a Pod of a later one is a stray; before it, we may be behind.
    if ahead := pods.ahead(view):
        if late := pods.unrefused(view):
            return steps.adopt(task, late, _declared(view), now)
        if not all(pod.disowned for pod in ahead):
            return (RefreshTask(ahead), Requeue(STALE_SECONDS))
    settled: tuple[Instruction, ...] = (*pods.released(view), *pods.surplus(view))
    stray = pods.strays(view)
    if task.status.state.terminal:
        return (*stray, *settled, *(() if view.needed else _expire(task, now)))
    if stray:
        return (*stray, Wait(Reason.PREVIOUS_POD_ENDING, f"Pod {stray[0].pod.name} is being deleted"), *settled)
    # What is over comes last: trouble with a finished Pod must not hold up the Task.
    if task.status.state is State.PENDING:
        return (*_pending(view, now), *settled)
    return (*_open(view, now), *settled)


def _expire(task: Task, now: float) -> tuple[Instruction, ...]:
    if task.ttl_seconds is None or task.status.completed is None:
        return ()
    left = task.status.completed + task.ttl_seconds - now
    return (DeleteTask(),) if left <= 0 else (Expire(left),)


def _pending(view: View, now: float) -> tuple[Instruction, ...]:
    task, status = view.task, view.task.status
    if task.cancel:
        return stops.cancel(task, now)
    if task.suspend:
        return () if status.reason == Reason.SUSPENDED else stops.suspend(task, now)
    if status.reason == Reason.SUSPENDED:
        return stops.resume(task, now)
    if stops.overdue(task, now):
        text = f"waited longer than timeouts.pendingSeconds; last: {status.reason}: {status.message}"
        return steps.give_up(task, Reason.PENDING_DEADLINE_EXCEEDED, text, now)
    return (*_waiting(view, now), *_deadline(task, now))


def _deadline(task: Task, now: float) -> tuple[Instruction, ...]:
    """Look again when the wait is over its limit."""
    if task.pending_seconds is None:
        return ()
    return (Requeue(max(0.0, stops.waiting_since(task) + task.pending_seconds - now)),)


def _waiting(view: View, now: float) -> tuple[Instruction, ...]:
    task, status = view.task, view.task.status
    if view.needs is not None:
        if not view.needs.met:
            return _depends(task, view.needs, now)
        task = replace(task, status=replace(status, resolved=view.needs.resolved))
    if resolve(task, view.policy) is None:
        return (Wait(Reason.NO_WORKER_FOR_TYPE, missing_worker_message(task, view.policy)),)
    if status.not_before is not None and status.not_before > now:
        reason = status.reason if status.reason in steps.BACK_OFF_REASONS else Reason.BACKING_OFF
        return (Wait(reason, status.message), Requeue(status.not_before - now))
    if view.decision is None:
        return (RequestPlacement(),)
    if isinstance(view.decision, Unplaced):
        message = f"{view.decision.message}; {view.room}" if view.room else view.decision.message
        return (RequestPlacement(), Wait(view.decision.reason, message))
    asks = view.decision.learned.requests or status.resources is not None
    return steps.assign(task, view.decision, _declared(view) if asks else {}, now)


def _depends(task: Task, needs: Needs, now: float) -> tuple[Instruction, ...]:
    """Its dependencies are not met: wait for them, or end when they never will be."""
    if needs.doubted and not (needs.lost or needs.broken or needs.cycle):
        return (ConfirmDependency(needs.doubted),)
    found = verdict(needs, task.created, now)
    if found.final:
        task = replace(task, status=replace(task.status, resolved=needs.resolved))
        return steps.give_up(task, found.reason, found.message, now)
    wait = Wait(found.reason, found.message, needs.resolved, needs.news)
    return (wait,) if found.due is None else (wait, Requeue(found.due - now))


def _declared(view: View) -> Quantities:
    """What the Task declares, by its type where it says nothing of its own."""
    template = resolve(view.task, view.policy)
    return template.declared if template is not None else {}


def _open(view: View, now: float) -> tuple[Instruction, ...]:
    """ASSIGNED or RUNNING: an attempt is open."""
    task, pod = view.task, pods.current(view)
    if pod is None:
        return _without_pod(view, now)
    if pod.gone and not pod.confirmed and pod.phase not in _OVER:
        return (ConfirmPod(pod.name, pod.attempt),)
    if pod.altered and not pod.ended:
        return (RestorePod(pod), Requeue(STALE_SECONDS))
    if task.status.state is State.ASSIGNED and pod.ran:
        # What ran is told as having run, also when it is over already.
        return steps.run(task, pod, now, view.takes)
    if pod.ended:
        return stops.stopped(task, pod, now) if task.status.stopping else _finish(view, pod, now)
    if task.status.stopping:
        return _stopping(view, pod)
    if reason := stops.why(task, now, started=pod.ran):
        return stops.stop(task, reason, now)
    if view.preemptor:
        return stops.preempt(task, view.preemptor, now)
    return _live(view, pod, now)


def _finish(view: View, pod: Pod, now: float) -> tuple[Instruction, ...]:
    template = resolve(view.task, view.policy) if view.task.status.resources is not None else None
    return steps.finish(view.task, pod, now, view.usage, template.limit if template is not None else None)


def _without_pod(view: View, now: float) -> tuple[Instruction, ...]:
    """No Pod of the open attempt is known: it was not made yet, or it was and is gone."""
    task, status, refusal = view.task, view.task.status, view.refusal
    if status.stopping or status.state is State.RUNNING:
        return (ConfirmPod(pod_name(task.name, task.uid, 0, status.attempt), status.attempt),)
    if reason := stops.why(task, now, started=False):
        return stops.stop(task, reason, now)
    if refusal is not None and refusal.attempt == status.attempt:
        if refusal.invalid:
            return steps.give_up(task, Reason.POD_INVALID, refusal.message, now)
        return steps.refused(task, refusal.message, now)
    return (CreatePod(status.attempt, status.assigned_to, view.others),)


def _stopping(view: View, pod: Pod) -> tuple[Instruction, ...]:
    """End the Pod for the reason that is on record; nobody waits for a kubelet that was given up."""
    status = view.task.status
    if view.node_state in _DEAD or status.stopping == Reason.NODE_LOST:
        return (DeletePod(pod, force=True),)
    if not pod.deleting:
        return (DeletePod(pod),)
    if view.node_state is NodeState.NOT_READY and pod.node:
        return (Wait(Reason.NODE_LOST, f"{status.message}; {pod.node} is not Ready, the Pod may still run there"),)
    return (Wait(status.stopping, status.message),)


def _live(view: View, pod: Pod, now: float) -> tuple[Instruction, ...]:
    """The Pod of the open attempt exists and has not ended."""
    task = view.task
    if pod.node:
        if view.node_state in _DEAD:
            return (DeletePod(pod, force=True),)
        if view.node_state is NodeState.NOT_READY:
            return _lost(view, pod, now)
    if pod.deleting:
        if task.status.state is State.RUNNING:
            return (Wait(Reason.PARTS_RUNNING, f"Pod {pod.name} is being deleted"),)
        return (Wait(Reason.PREVIOUS_POD_ENDING, f"Pod {pod.name} is being deleted"),)
    if task.status.state is State.RUNNING:
        return (Wait(Reason.PARTS_RUNNING, f"attempt {task.status.attempt} runs on {pod.node}"),)
    if not pod.node:
        return (*_unbound(task, pod, now), *_deadline(task, now))
    return (_starting(pod), *_deadline(task, now))


def _lost(view: View, pod: Pod, now: float) -> tuple[Instruction, ...]:
    """The node does not answer: wait, or give the Pod up when its user said after how long."""
    task = view.task
    waits = Wait(Reason.NODE_LOST, f"{pod.node} is not Ready; the Pod may still run there")
    if task.retry.replace_after is None or view.node_since is None:
        return (waits, *(() if pod.ran else _deadline(task, now)))
    left = view.node_since + task.retry.replace_after - now
    if left <= 0:
        return stops.stop(task, Reason.NODE_LOST, now)
    return (waits, Requeue(left))


def _unbound(task: Task, pod: Pod, now: float) -> tuple[Instruction, ...]:
    pinned = bool(task.status.assigned_to)
    why = Wait(Reason.UNSCHEDULABLE, pod.unschedulable or "kube-scheduler has not looked at the Pod yet")
    if not pinned or not pod.unschedulable:
        # Another node helps only against a scheduler that said no, not against one that is away.
        return (why,)
    left = pod.created + BIND_SECONDS - now
    if left > 0:
        return (why, Requeue(left))
    return (DeletePod(pod), why)


def _starting(pod: Pod) -> Wait:
    detail = ": ".join(part for part in (pod.waiting_reason, pod.waiting_message) if part)
    if pod.waiting_reason in _IMAGE_REASONS:
        return Wait(Reason.IMAGE_PROBLEM, detail)
    if pod.waiting_reason in _CONFIG_REASONS:
        return Wait(Reason.MISCONFIGURED, detail)
    # The usual case is no news: it keeps the reason of the assignment and costs no write, however slow the node.
    return Wait(Reason.NODE_CHOSEN, detail or f"{pod.node} is starting the container")
