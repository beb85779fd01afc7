"""The samples in the documentation of queues are what the API takes, and read as they are meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from loadstar.api import convert, queues
from loadstar.api.policy import PlacementPolicySpec
from loadstar.api.queues import TaskQueueSpec
from loadstar.api.task import TaskSpec
from loadstar.core.queues import Limits, Ordering, Tenant

PAGE = Path(__file__).parents[3] / "docs" / "queues.md"
SPECS: dict[str, type[BaseModel]] = {
    "TaskQueue": TaskQueueSpec,
    "Task": TaskSpec,
    "PlacementPolicy": PlacementPolicySpec,
}


def samples() -> dict[str, dict[str, Any]]:
    """By kind."""
    found = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return {one["kind"]: one for text in found for one in yaml.safe_load_all(text)}


def test_samples_are_valid() -> None:
    """Every field is known and in range."""
    assert samples().keys() == SPECS.keys()
    for kind, one in samples().items():
        SPECS[kind].model_validate(one["spec"])


def test_samples_mean_what_is_said() -> None:
    """The queue's limits and order, the tenants in theirs, the Task's queue."""
    found = samples()
    for one in found.values():
        one["metadata"] |= {"namespace": "ns", "uid": "u", "resourceVersion": "1", "generation": 1}
    queue = queues.read(found["TaskQueue"])
    assert (queue.name, queue.ordering, queue.aging_seconds, queue.weight) == ("batch", Ordering.PRIORITY, 10, 50)
    assert queue.limits == Limits(200, {"cpu": 64_000, "memory": 256 * 2**30})
    assert convert.task(found["Task"]).queue == queue.name
    media, others = convert.policy(found["PlacementPolicy"]).tenants
    assert (media.selector, media.weight, media.max_priority) == ((("team", "media"),), 300, 800)
    assert others == Tenant("others")
