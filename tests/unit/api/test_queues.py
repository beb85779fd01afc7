"""A TaskQueue as the core has it, whatever was said and left unsaid."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from loadstar.api import queues
from loadstar.api.queues import TaskQueueSpec
from loadstar.core.queues import Limits, Ordering, Preemption, TaskQueue
from loadstar.core.resources import Requests

META = {"namespace": "media", "name": "nightly", "generation": 7}


def test_what_is_said_arrives() -> None:
    """Every field of the spec reaches the core, quantities in millicores and bytes."""
    spec = {
        "ordering": "LoadAware",
        "weight": 300,
        "limits": {"running": 5, "cpu": "1500m", "memory": "2Gi"},
        "suspend": True,
        "agingSeconds": 3,
        "requests": "Learned",
        "preemption": "LowerPriority",
    }
    assert set(spec) == {info.alias for info in TaskQueueSpec.model_fields.values()}
    assert queues.read({"metadata": META, "spec": spec}) == TaskQueue(
        "media",
        "nightly",
        ordering=Ordering.LOAD_AWARE,
        weight=300,
        limits=Limits(5, {"cpu": 1500, "memory": 2 * 2**30}),
        suspend=True,
        aging_seconds=3,
        requests=Requests.LEARNED,
        preemption=Preemption.LOWER_PRIORITY,
        generation=7,
    )


def test_defaults_are_the_cores() -> None:
    """An empty spec, a spec that the API server filled in, and the core's own value are one queue."""
    filled = TaskQueueSpec().model_dump(mode="json", by_alias=True, exclude_none=True)
    bare = queues.read({"metadata": META, "spec": {}})
    assert bare == queues.read({"metadata": META, "spec": filled}) == TaskQueue("media", "nightly", generation=7)


def test_no_aging_is_said_by_zero() -> None:
    """0 is never, as the core says None."""
    assert queues.read({"metadata": META, "spec": {"agingSeconds": 0}}).aging_seconds is None


@pytest.mark.parametrize(
    "spec",
    [
        {"ordering": "LIFO"},
        {"weight": 0},
        {"weight": 10_001},
        {"limits": {"running": 0}},
        {"limits": {"cpu": "-1"}},
        {"limits": {"gpu": 1}},
        {"agingSeconds": -1},
        {"preemption": "Always"},
        {"priority": 3},
    ],
)
def test_bad_specs_are_refused(spec: dict[str, object]) -> None:
    """What the schema does not allow the model does not either."""
    with pytest.raises(ValidationError):
        TaskQueueSpec.model_validate(spec)
