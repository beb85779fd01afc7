"""The TaskQueue: in which order the waiting Tasks of a namespace get nodes, and how much they may hold at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from loadstar.api.base import Model, Quantity, StatusModel, keyed, rule, rules
from loadstar.api.resources import amounts_of
from loadstar.api.status import Amounts, Condition, Count, ReasonText, Time
from loadstar.core.queues import DEFAULT_WEIGHT, Ordering, Preemption, TaskQueue
from loadstar.core.queues import Limits as CoreLimits
from loadstar.core.resources import Requests

Weight = Annotated[int, Field(ge=1, le=10_000)]
DEFAULT_AGING: Final = 10
SHOWN: Final = 64
"""So many reasons are in a status; there are no more."""
_SOME: Final = "^[0.]*[1-9]"
"""A quantity that is not 0."""


def _more_than_nothing(name: str) -> dict[str, str]:
    return rule(
        f"!has(self.{name}) || string(self.{name}).matches('{_SOME}')",
        "must be more than 0, or absent where there is no limit",
        field=f".{name}",
    )


class Limits(Model):
    """How much Tasks that have a node may hold at once; what is absent has no limit."""

    model_config = ConfigDict(json_schema_extra=rules(_more_than_nothing("cpu"), _more_than_nothing("memory")))

    running: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """So many Tasks with a node."""
    cpu: Quantity | None = None
    """So much CPU requested by their Pods, such as 16 or 500m."""
    memory: Quantity | None = None
    """So much memory requested by their Pods, such as 64Gi."""


class TaskQueueSpec(Model):
    """Edits act at once, on the next decision; what has a node keeps it."""

    ordering: Ordering = Ordering.PRIORITY
    """Which of its Tasks comes first. Priority: the one of highest priority, then the oldest. FIFO: the oldest.
    LoadAware: the one whose placement has the best score now."""
    weight: Weight = DEFAULT_WEIGHT
    """Its share of what its namespace gets, beside the namespace's other queues that have Tasks waiting: twice the
    weight, twice as much."""
    limits: Limits | None = None
    """What its Tasks may hold at once. One that would exceed this waits, reason QueueLimit."""
    suspend: bool = False
    """true: no Task of it gets a node until this is false again. What has a node goes on."""
    aging_seconds: Annotated[int, Field(ge=0, le=86400)] = DEFAULT_AGING
    """So long a wait counts as much as one point of priority, so that a Task of priority 0 comes before a new one of
    1000 after 1000 times this. 0: waiting counts nothing, and what is of low priority may wait without end."""
    requests: Requests | None = None
    """What Pods of its Tasks ask for that do not say. Declared: what worker.resources says. Learned: what Tasks of
    their class were seen to use, never more than that; requests equal to limits are left as they are. Absent: as the
    PlacementPolicy says."""
    preemption: Preemption = Preemption.NEVER
    """LowerPriority: a Task of it that finds no room may stop Tasks of its namespace that allow it and have a lower
    priority. Never: it waits."""


class Waits(StatusModel):
    """Tasks that wait for the same reason."""

    reason: ReasonText
    """The reason, as in their status."""
    count: Count
    """How many."""


class TaskQueueStatus(StatusModel):
    """The queue as the operator sees it; written when it is news, at most every 15 s."""

    observed_generation: Count | None = None
    """The generation of the spec that this is about."""
    updated_time: Time | None = None
    """When this was written."""
    pending: Count = 0
    """Tasks that wait for a node."""
    reasons: Annotated[list[Waits], Field(max_length=SHOWN, json_schema_extra=keyed("reason"))] | None = None
    """The same by reason, the most frequent first."""
    running: Count = 0
    """Tasks that have a node: those in state ASSIGNED or RUNNING."""
    used: Amounts | None = None
    """What their Pods request."""
    admitted_per_minute: Count = 0
    """How many Tasks got a node in the last minute."""
    oldest_wait_time: Time | None = None
    """Since when the Task waits that has waited longest; absent when none waits."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=keyed("type"))] | None = None
    """Active: False while it is suspended. WithinLimits: False while one of its limits is reached."""


def read(raw: Mapping[str, Any]) -> TaskQueue:
    """A TaskQueue object. Raises KeyError, TypeError or ValueError when it is none that the schema allows."""
    meta, spec = raw["metadata"], raw.get("spec") or {}
    default = TaskQueue(meta["namespace"], meta["name"])
    return TaskQueue(
        namespace=default.namespace,
        name=default.name,
        ordering=Ordering(spec.get("ordering") or default.ordering),
        weight=int(spec.get("weight", default.weight)),
        limits=limits(spec.get("limits")),
        suspend=bool(spec.get("suspend")),
        aging_seconds=int(spec.get("agingSeconds", DEFAULT_AGING)) or None,
        requests=Requests(spec["requests"]) if spec.get("requests") else None,
        preemption=Preemption(spec.get("preemption") or default.preemption),
        generation=int(meta.get("generation") or 0),
    )


def limits(raw: Mapping[str, Any] | None) -> CoreLimits:
    """The limits of a queue or a tenant."""
    return CoreLimits((raw or {}).get("running"), amounts_of(raw))
