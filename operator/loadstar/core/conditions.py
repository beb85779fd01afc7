"""The conditions of a Task, derived from its status: the contract for tools; `state` is the summary for people."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from loadstar.core.model import Condition, TaskStatus
from loadstar.core.reasons import Reason
from loadstar.core.states import State

SCHEDULED: Final = "Scheduled"
DEPENDENCIES_MET: Final = "DependenciesMet"
PODS_READY: Final = "PodsReady"
SUCCEEDED: Final = "Succeeded"
SUSPENDED: Final = "Suspended"
LOAD_DATA_FRESH: Final = "LoadDataFresh"


UNMET: Final = {
    Reason.WAITING_FOR_DEPENDENCIES,
    Reason.DEPENDENCY_MISSING,
    Reason.DEPENDENCY_FAILED,
    Reason.DEPENDENCY_DELETED,
    Reason.DEPENDENCY_CYCLE,
}
"""Reasons that say that the dependencies are not met."""
_EITHER: Final = {Reason.QUEUED, Reason.SUSPENDED, Reason.CANCELLED, Reason.PENDING_DEADLINE_EXCEEDED}
"""Reasons that say nothing of the dependencies; with all others of a Task that waited for them they are met."""


def with_conditions(
    status: TaskStatus, generation: int, now: float, *, fresh: bool | None = None, met: bool = False
) -> TaskStatus:
    """The status with its conditions brought up to date; `changed` moves only when a condition's status does.

    A condition comes with the first state that has something to say about it. `fresh`: whether the placement had a
    fresh load sample; None leaves that condition as it is. `met`: it has dependencies, and they are met.
    """
    state, reason, message = status.state, str(status.reason), status.message
    placed = state is not State.PENDING and bool(status.assigned)
    running = state is State.RUNNING
    old = {condition.type: condition for condition in status.conditions}
    # What the status says already is not said again in each condition: every byte is stored and sent with every write.
    why_here = _choice(status, old.get(SCHEDULED))
    wanted = [(SCHEDULED, _flag(placed), "NodeChosen" if placed else reason, why_here)]
    if status.reason in UNMET:
        wanted.append((DEPENDENCIES_MET, "False", reason, ""))
    elif met or (DEPENDENCIES_MET in old and status.reason not in _EITHER):
        wanted.append((DEPENDENCIES_MET, "True", DEPENDENCIES_MET, ""))
    if running or PODS_READY in old:
        wanted.append((PODS_READY, _flag(running), reason, ""))
    if state.terminal:
        wanted.append((SUCCEEDED, _flag(state is State.SUCCESS), reason, message))
    if fresh is False or (fresh and LOAD_DATA_FRESH in old):
        text = "the load sample of the chosen node is fresh" if fresh else "no fresh load sample: placed by requests"
        wanted.append((LOAD_DATA_FRESH, _flag(fresh), "Measured" if fresh else "NoFreshSample", text))
    suspended = state is State.PENDING and status.reason == Reason.SUSPENDED
    if suspended or SUSPENDED in old:
        wanted.append((SUSPENDED, _flag(suspended), "Suspended" if suspended else "Resumed", _SUSPENSION[suspended]))
    for kind, value, why, text in wanted:
        before = old.get(kind)
        changed = before.changed if before and before.status == value else now
        old[kind] = Condition(kind, value, why, text, changed)
    return replace(status, conditions=tuple(old.values()), observed_generation=generation)


def depended(status: TaskStatus) -> bool:
    """True once a Task has had all that it depends on: it ran, or its condition says so."""
    return status.attempt > 0 or any(c.type == DEPENDENCIES_MET and c.status == "True" for c in status.conditions)


_SUSPENSION: Final = {True: "spec.suspend is true", False: "spec.suspend is false, or the Task has ended"}


def _flag(value: bool) -> str:
    return "True" if value else "False"


def _choice(status: TaskStatus, before: Condition | None) -> str:
    """Who chose the node, where status.placement does not say why: said when it is chosen, kept as long as it holds."""
    if status.state is State.PENDING or status.choice is not None:
        return ""
    if status.state is State.ASSIGNED and status.reason == Reason.NODE_CHOSEN:
        return status.message
    return before.message if before is not None and before.status == "True" else ""
