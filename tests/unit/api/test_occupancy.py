"""A queue's status as it is written."""

from __future__ import annotations

from dataclasses import replace

from loadstar.api.occupancy import status_document
from loadstar.api.queues import SHOWN, TaskQueueStatus
from loadstar.core.model import Condition
from loadstar.core.occupancy import QueueStatus
from loadstar.core.reasons import Reason

STATUS = QueueStatus(
    generation=2,
    pending=3,
    reasons=(("WaitingForCapacity", 2), ("Queued", 1)),
    running=1,
    used={"cpu": 250},
    admitted=9,
    oldest=1_000_000.0,
    conditions=(Condition("Active", "True", "Active", "", 1_000_000.0),),
)


def test_it_is_what_the_schema_has() -> None:
    """Every field that the schema knows is written, in the schema's words."""
    document = status_document(STATUS, 1_000_060.0)
    assert set(document) == {info.alias for info in TaskQueueStatus.model_fields.values()}
    read = TaskQueueStatus.model_validate(document)
    assert (read.pending, read.running, read.admitted_per_minute) == (3, 1, 9)
    assert [(item.reason, item.count) for item in read.reasons or ()] == list(STATUS.reasons)
    assert document["oldestWaitTime"] == "1970-01-12T13:46:40Z"


def test_what_is_no_more_is_null() -> None:
    """In a merge patch only null takes away what an earlier one wrote."""
    document = status_document(replace(STATUS, oldest=None, used={}), 1_000_060.0)
    assert document["oldestWaitTime"] is None
    assert document["used"] == {"cpu": None, "memory": None}


def test_there_is_room_for_every_reason() -> None:
    """The list's bound is above the number of reasons that there are."""
    assert len(Reason) <= SHOWN
