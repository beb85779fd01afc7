"""What happens after a failure: the part of a Task's spec that says it, and that part as a value of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from loadstar.api.base import ATOMIC, SET, UNSAID, Model, rule, rules
from loadstar.core import model
from loadstar.core.rules import MOST_GROWTH, Action, EndRule

Ruled = Literal[
    "WorkerFailed", "OOMKilled", "StorageExceeded", "Misconfigured", "DeadlineExceeded", "Disrupted", "PodLost"
]


class Backoff(Model):
    """The wait before the next attempt: initialSeconds · factor^(failures-1), at most maxSeconds."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("self.initialSeconds <= self.maxSeconds", "must have maxSeconds of at least initialSeconds")
        )
    )

    initial_seconds: Annotated[int, Field(ge=1, le=3600)] = 2
    """Seconds after the first failure."""
    factor: Annotated[float, Field(ge=1, le=10)] = 2
    """How much longer each further wait is."""
    max_seconds: Annotated[int, Field(ge=1, le=86400)] = 300
    """The longest wait."""


class NodeLost(Model):
    """What happens when the node of a running Pod does not answer."""

    replace_after_seconds: Annotated[int, Field(ge=30, le=86400)]
    """So long after the node was lost its Pod is given up and a new attempt made, although the old one may still run:
    for work that may run twice at the same time."""


class RetryRule(Model):
    """What follows after an attempt that ended for one of these reasons with one of these exit codes."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.exitCodes) || has(self.reasons)",
                "must have exitCodes (from 1 to 255) or reasons, or both, of which both must hold then",
            ),
            rule(
                "!has(self.memoryFactor) || self.action == 'Retry' && has(self.reasons) && "
                "self.reasons == ['OOMKilled']",
                "must have action Retry and reasons [OOMKilled] when it has memoryFactor",
            ),
        )
    )

    exit_codes: (
        Annotated[list[Annotated[int, Field(ge=1, le=255)]], Field(min_length=1, max_length=32, json_schema_extra=SET)]
        | None
    ) = None
    """Exit codes of the container. Without reasons they are about failures of its own alone: an evicted Pod ends with
    137 too."""
    reasons: Annotated[list[Ruled], Field(min_length=1, max_length=7, json_schema_extra=SET)] | None = None
    """Reasons for which an attempt ended: WorkerFailed, OOMKilled, StorageExceeded, Misconfigured, DeadlineExceeded,
    Disrupted, PodLost."""
    action: Action
    """Fail: the Task ends at once. Retry: one of limit is spent, and the next attempt waits by backoff. Ignore: no
    attempt is spent; it counts towards disruptionLimit, and a failure that is ignored waits by backoff all the same."""
    memory_factor: Annotated[float, Field(gt=1, le=MOST_GROWTH)] | None = None
    """So many times as much memory the next attempt gets, as request and as limit, at most 8 times what is declared in
    all. Only with action Retry and reasons [OOMKilled]."""


class Retry(Model):
    """What happens after a failure. Disruptions, such as an eviction, are counted apart and retried at once."""

    limit: Annotated[int, Field(ge=0, le=100, json_schema_extra=UNSAID)] = 3
    """How many failures are retried, 3 unless said otherwise; the next one ends the Task."""
    backoff: Backoff | None = None
    """The wait between attempts; 2 s, doubling, at most 300 s unless said otherwise."""
    disruption_limit: Annotated[int, Field(ge=0, le=1000, json_schema_extra=UNSAID)] = 10
    """How many disruptions are retried, 10 unless said otherwise; the next one ends the Task. A Pod that no node took
    does not count."""
    on_node_lost: NodeLost | None = None
    """Absent: wait until the node answers again or is gone, so that two Pods of a Task never run at once."""
    track_completion: Annotated[bool, Field(json_schema_extra=UNSAID)] = False
    """true, not so unless said, holds each Pod by a finalizer until its end is in the status, so that an end is never
    missed, even when the Pod is deleted while the operator is down; costs one more write an attempt."""
    avoid_failed_nodes: Annotated[bool, Field(json_schema_extra=UNSAID)] = True
    """true, unless said otherwise: nodes on which attempts of this Task failed, of the last five, are taken only when
    there is no other."""
    rules: Annotated[list[RetryRule], Field(max_length=16, json_schema_extra=ATOMIC)] | None = None
    """The first that holds says what follows after an attempt has ended without success. Where none does, a failure is
    Retry, DeadlineExceeded is Fail, and a disruption is Ignore."""


def read(raw: Mapping[str, Any]) -> model.Retry:
    """A Task's `retry`. Forgiving, as `convert` is."""
    back_off = raw.get("backoff") or {}
    return model.Retry(
        limit=int(raw.get("limit", 3)),
        backoff=model.Backoff(
            float(back_off.get("initialSeconds", 2)),
            float(back_off.get("factor", 2)),
            float(back_off.get("maxSeconds", 300)),
        ),
        disruption_limit=int(raw.get("disruptionLimit", 10)),
        replace_after=(raw.get("onNodeLost") or {}).get("replaceAfterSeconds"),
        track_completion=bool(raw.get("trackCompletion")),
        avoid_failed_nodes=bool(raw.get("avoidFailedNodes", True)),
        rules=tuple(
            EndRule(
                Action(item["action"]),
                tuple(item.get("exitCodes") or ()),
                tuple(item.get("reasons") or ()),
                float(item.get("memoryFactor") or 1.0),
            )
            for item in raw.get("rules") or ()
        ),
    )
