"""Which of a Task's Pods belongs to the open attempt, and which may or must go."""

from __future__ import annotations

from typing import Final

from loadstar.core.instructions import ConfirmOrphan, DeletePod, Instruction, ReleasePod, Requeue
from loadstar.core.model import Phase, Pod, PodRetention
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from loadstar.core.view import View

KEPT: Final = 5
"""Finished Pods that stay at most, as many as attempts stay on record."""
ORPHAN_SECONDS: Final = 30.0
"""How long the garbage collector may take for the Pods of a Task that is gone."""

_OPEN: Final = {State.ASSIGNED, State.RUNNING}


def current(view: View) -> Pod | None:
    """The Pod of the open attempt."""
    return next((pod for pod in view.pods if pod.attempt == view.task.status.attempt), None)


def ahead(view: View) -> tuple[Pod, ...]:
    """Pods of later attempts than the status knows, while it may still open them: it may be behind."""
    status = view.task.status
    return () if status.state.terminal else tuple(pod for pod in view.pods if pod.attempt > status.attempt)


def unrefused(view: View) -> Pod | None:
    """The Pod of an attempt that was refused, and was made all the same: its request came through late.

    The record says that the number was given back, so a status without that attempt is not merely behind. Where the
    record was lost, reading the Task says the same.
    """
    status = view.task.status
    if status.state is not State.PENDING:
        return None
    attempt, last = status.attempt + 1, status.attempts[-1] if status.attempts else None
    recorded = last is not None and last.reason == Reason.POD_CREATE_FORBIDDEN and last.attempt == attempt
    return next((pod for pod in view.pods if pod.attempt == attempt and (recorded or pod.disowned)), None)


def strays(view: View) -> tuple[DeletePod, ...]:
    """Live Pods that no open attempt owns, and ended ones that would be taken for the next attempt's."""
    beyond = ahead(view)
    return tuple(DeletePod(pod) for pod in view.pods if _closed(view, pod) and (not pod.ended or pod in beyond))


def released(view: View) -> tuple[ReleasePod, ...]:
    """Pods that our finalizer need not hold any more: their end is on record, or their Task goes."""
    deleting = view.task.deleting
    return tuple(
        ReleasePod(pod)
        for pod in view.pods
        if pod.tracked and not pod.gone and (deleting or (pod.ended and _closed(view, pod)))
    )


def surplus(view: View) -> tuple[DeletePod, ...]:
    """Finished Pods beyond what the Task wants kept; the newest stay."""
    finished = sorted(
        (pod for pod in view.pods if _finished(pod) and _closed(view, pod)),
        key=lambda pod: -pod.attempt,
    )
    match view.task.pod_retention:
        case PodRetention.NONE:
            kept: list[Pod] = []
        case PodRetention.FAILED:
            kept = [pod for pod in finished if pod.phase is not Phase.SUCCEEDED][:KEPT]
        case PodRetention.ALL:
            kept = finished[:KEPT]
    return tuple(DeletePod(pod) for pod in finished if pod not in kept)


def orphans(pods: tuple[Pod, ...], now: float) -> tuple[Instruction, ...]:
    """What to do with Pods whose Task is not known: normally the garbage collector has them soon."""
    result: list[Instruction] = []
    for pod in pods:
        due = pod.created + ORPHAN_SECONDS
        if pod.deleting and pod.tracked:
            result.append(ConfirmOrphan(pod))
        elif not pod.deleting:
            result.append(ConfirmOrphan(pod) if now >= due else Requeue(due - now))
    return tuple(result)


def _finished(pod: Pod) -> bool:
    return pod.ended and not pod.gone and not pod.deleting and not pod.tracked


def _closed(view: View, pod: Pod) -> bool:
    """True when the Pod's attempt is not open: over and on record, or never opened."""
    status = view.task.status
    return status.state not in _OPEN or pod.attempt != status.attempt
