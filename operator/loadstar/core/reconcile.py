"""One Task, level-based: from what is seen of it and its Pods, what to do next.

The same view gives the same instructions however often and after whatever crash it is asked. Choosing a node is
`placement`'s, reading a Pod's end `ending`'s; carrying out is the runtime's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loadstar.core import steps
from loadstar.core.instructions import (
    ConfirmPod,
    CreatePod,
    DeletePod,
    DeleteTask,
    Instruction,
    RefreshTask,
    RequestPlacement,
    Requeue,
    Wait,
)
from loadstar.core.model import Phase, Pod, Policy, Strategy, Task
from loadstar.core.placement import Decision, Unplaced
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from loadstar.core.template import missing_worker_message, resolve

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


@dataclass(frozen=True, slots=True)
class Refusal:
    """The API server's answer to the Pod of an attempt: never possible (`invalid`), or not allowed now."""

    attempt: int
    invalid: bool
    message: str


@dataclass(frozen=True, slots=True)
class View:
    """What is known of one Task at an instant."""

    task: Task
    policy: Policy
    pods: tuple[Pod, ...] = ()
    decision: Decision | None = None
    refusal: Refusal | None = None
    node_ready: bool = True


def reconcile(view: View, now: float) -> tuple[Instruction, ...]:
    """The instructions for this Task now; none means that it is at rest until something changes."""
    task = view.task
    if task.deleting:
        return ()
    if any(pod.attempt > task.status.attempt for pod in view.pods):
        return (RefreshTask(), Requeue(STALE_SECONDS))
    stray = _strays(view)
    if task.status.state.terminal:
        return (*stray, *_expire(task, now))
    if stray:
        return (*stray, Wait(Reason.PREVIOUS_POD_ENDING, f"Pod {stray[0].pod.name} is being deleted"))
    if task.status.state is State.PENDING:
        return _pending(view, now)
    if task.status.state is State.ASSIGNED:
        return _assigned(view, now)
    return _running(view, now)


def _strays(view: View) -> tuple[DeletePod, ...]:
    """Live Pods that no attempt in progress owns."""
    status = view.task.status
    current = status.attempt if status.state in {State.ASSIGNED, State.RUNNING} else None
    return tuple(DeletePod(pod) for pod in view.pods if not pod.ended and pod.attempt != current)


def _current(view: View) -> Pod | None:
    return next((pod for pod in view.pods if pod.attempt == view.task.status.attempt), None)


def _expire(task: Task, now: float) -> tuple[Instruction, ...]:
    if task.ttl_seconds is None or task.status.completed is None:
        return ()
    left = task.status.completed + task.ttl_seconds - now
    return (DeleteTask(),) if left <= 0 else (Requeue(left),)


def _pending(view: View, now: float) -> tuple[Instruction, ...]:
    task, status = view.task, view.task.status
    template = resolve(task, view.policy)
    if template is None:
        return (Wait(Reason.NO_WORKER_FOR_TYPE, missing_worker_message(task, view.policy)),)
    if status.not_before is not None and status.not_before > now:
        reason = status.reason if status.reason in steps.BACK_OFF_REASONS else Reason.BACKING_OFF
        return (Wait(reason, status.message), Requeue(status.not_before - now))
    if view.decision is None:
        return (RequestPlacement(),)
    if isinstance(view.decision, Unplaced):
        return (RequestPlacement(), Wait(view.decision.reason, view.decision.message))
    return steps.assign(task, view.decision, now)


def _assigned(view: View, now: float) -> tuple[Instruction, ...]:
    task, status, pod = view.task, view.task.status, _current(view)
    if pod is None:
        refusal = view.refusal
        if refusal is not None and refusal.attempt == status.attempt:
            if refusal.invalid:
                return steps.give_up(task, Reason.POD_INVALID, refusal.message, now)
            return steps.refused(task, refusal.message, now)
        return (CreatePod(status.attempt, status.assigned_to),)
    if pod.phase in {Phase.RUNNING, Phase.SUCCEEDED} or (pod.ended and pod.started is not None):
        return steps.run(task, pod, now)
    if pod.ended:
        return steps.finish(task, pod, now)
    if pod.deleting:
        return (Wait(Reason.PREVIOUS_POD_ENDING, f"Pod {pod.name} is being deleted"),)
    if not pod.node:
        return _unbound(task, pod, now)
    return (_starting(pod),)


def _unbound(task: Task, pod: Pod, now: float) -> tuple[Instruction, ...]:
    pinned = task.placement.strategy is not Strategy.KUBE_SCHEDULER and bool(task.status.assigned_to)
    why = Wait(Reason.UNSCHEDULABLE, pod.unschedulable or "kube-scheduler has not bound the Pod yet")
    if not pinned:
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


def _running(view: View, now: float) -> tuple[Instruction, ...]:
    task, pod = view.task, _current(view)
    if pod is None:
        return (ConfirmPod(task.status.pod, task.status.attempt),)
    if pod.ended:
        return steps.finish(task, pod, now)
    if not view.node_ready:
        return (Wait(Reason.NODE_LOST, f"{pod.node} is not Ready; the Pod may still run there"),)
    return (Wait(Reason.PARTS_RUNNING, task.status.message),)
