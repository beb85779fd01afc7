"""The state machine of a Task: the one table from which the guard, the CRD's rule and the docs' diagram come.

What moves a Task along an edge is decided in `reconcile`; this module only says which edges exist.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """The summary a person reads in `kubectl get tasks.loadstar.dev`; conditions are the contract for tools."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"

    @property
    def terminal(self) -> bool:
        """True when nothing leads out of this state."""
        return not TRANSITIONS[self]


TRANSITIONS: Final[dict[State, dict[State, str]]] = {
    State.PENDING: {
        State.ASSIGNED: "a node was chosen; the write is the lock of the attempt",
        State.FAILED: "cancelled, past timeouts.pendingSeconds, a dependency failed, or never able to run as written",
    },
    State.ASSIGNED: {
        State.PENDING: "the Pod was refused, lost, disrupted, suspended, or failed with attempts left",
        State.RUNNING: "a Pod runs",
        State.FAILED: "out of attempts, cancelled, past a deadline, or never able to run",
    },
    State.RUNNING: {
        State.PENDING: "no part is live and one waits: retry, disruption or suspension",
        State.SUCCESS: "all parts are done",
        State.FAILED: "out of attempts, cancelled, disrupted too often, or past its deadline",
    },
    State.SUCCESS: {},
    State.FAILED: {},
}
"""from → to → why. A state that is absent on the right is not reachable from the left."""


class InvalidStateTransition(ValueError):  # noqa: N818 - the name users know it by
    """An edge that the table does not have; the Task's state is left as it was."""

    def __init__(self, old: State, new: State) -> None:
        allowed = ", ".join(TRANSITIONS[old]) or "none: the state is final"
        super().__init__(f"{old} may not become {new}; allowed from {old}: {allowed}")
        self.old = old
        self.new = new


def guard(old: State, new: State) -> State:
    """Return `new` if the table allows it from `old`; staying is always allowed.

    Raises InvalidStateTransition otherwise.
    """
    if new is not old and new not in TRANSITIONS[old]:
        raise InvalidStateTransition(old, new)
    return new
