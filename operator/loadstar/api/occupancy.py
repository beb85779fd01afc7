"""How full a queue is, as an object of the wire: for the TaskQueue's status."""

from __future__ import annotations

from typing import Any

from loadstar.api.convert import MOST, condition_document
from loadstar.api.queues import SHOWN
from loadstar.api.resources import exact
from loadstar.api.times import format_time
from loadstar.core.occupancy import QueueStatus
from loadstar.core.resources import LEARNABLE

Json = dict[str, Any]


def status_document(value: QueueStatus, now: float) -> Json:
    """The status for a merge patch: what is absent is null, so that it goes."""
    oldest = value.oldest
    return {
        "observedGeneration": value.generation,
        "updatedTime": format_time(now),
        "pending": min(value.pending, MOST),
        "reasons": [{"reason": reason, "count": min(count, MOST)} for reason, count in value.reasons[:SHOWN]],
        "running": min(value.running, MOST),
        "used": {name: exact(name, value.used[name]) if name in value.used else None for name in LEARNABLE},
        "admittedPerMinute": min(value.admitted, MOST),
        "oldestWaitTime": None if oldest is None else format_time(oldest),
        "conditions": [condition_document(condition) for condition in value.conditions],
    }
