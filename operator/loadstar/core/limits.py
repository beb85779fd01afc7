"""What a queue and a tenant may hold at most, and what is said of a Task that waits for that."""

from __future__ import annotations

from loadstar.core.decision import Unplaced
from loadstar.core.quantity import Quantities, show
from loadstar.core.queues import Limits
from loadstar.core.reasons import Reason
from loadstar.core.shares import Held


def reached(limits: Limits, held: Held, title: str, reason: Reason) -> Unplaced | None:
    """Why no Task of it may start, whatever it requests; None when one may."""
    if limits.running is None or held.tasks < limits.running:
        return None
    return Unplaced(reason, f"{title}: {held.tasks} of {limits.running} Tasks hold a node")


def exceeded(limits: Limits, held: Held, title: str, reason: Reason, requests: Quantities) -> Unplaced | None:
    """Why a Task that requests this may not start; None when it may."""
    for name, most in limits.requests.items():
        asked, taken = requests.get(name, 0), held.requests.get(name, 0)
        if asked and taken + asked > most:
            text = f"{title}: {name} {show(name, taken)} of {show(name, most)} is held; asks for {show(name, asked)}"
            return Unplaced(reason, text)
    return None
