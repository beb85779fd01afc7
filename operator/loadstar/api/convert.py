"""Objects of the wire as values of the core, and a status of the core as an object of the wire.

The API server has validated what comes in here, by the schema that `crd` generates; reading is therefore plain and
forgiving: a field that a later version wrote is passed over, one that is absent has its default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from sys import intern
from typing import Any, Final

import orjson

from loadstar.api import CLASS_LABEL, metering, resources, retry, tenants
from loadstar.api.times import format_time, parse_time
from loadstar.core.dependencies import NO_DEPENDENCIES, Rule
from loadstar.core.model import (
    Attempt,
    Choice,
    Condition,
    NodeClass,
    Placement,
    PodRetention,
    Strategy,
    Task,
    TaskStatus,
    Toleration,
    Weights,
    Worker,
)
from loadstar.core.policy import Policy, PreemptionScope, TypeDefault, WhenFull, WhenHot
from loadstar.core.quantity import MEMORY, amounts
from loadstar.core.queues import DEFAULT_PRIORITY, DEFAULT_QUEUE
from loadstar.core.reasons import Reason
from loadstar.core.resources import LEARNABLE, Requests
from loadstar.core.states import State
from loadstar.core.stops import MESSAGES

Json = dict[str, Any]
MESSAGE_CHARACTERS: Final = 1024
MOST: Final = 2**31 - 1
MOST_ATTEMPTS: Final = 999_999_998
"""There is always a number for the next one."""


def task(raw: Mapping[str, Any]) -> Task:
    """A Task object. Raises KeyError, TypeError or ValueError when it is none that the schema allows."""
    meta, spec = raw["metadata"], raw.get("spec") or {}
    timeouts = spec.get("timeouts") or {}
    return Task(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=str(meta.get("resourceVersion", "")),
        generation=int(meta.get("generation") or 0),
        created=parse_time(meta.get("creationTimestamp")) or 0.0,
        worker=worker(spec.get("worker")),
        type=spec.get("type") or "",
        queue=intern(spec.get("queue") or DEFAULT_QUEUE),
        priority=int(spec.get("priority", DEFAULT_PRIORITY)),
        dependencies=_dependencies(spec.get("dependencies") or (), spec.get("dependencyRules") or {}),
        placement=placement(spec.get("placement") or {}),
        retry=retry.read(spec.get("retry") or {}),
        run_seconds=timeouts.get("runSeconds"),
        pending_seconds=timeouts.get("pendingSeconds"),
        ttl_seconds=spec.get("ttlSecondsAfterFinished"),
        pod_retention=PodRetention(spec.get("podRetention", PodRetention.ALL)),
        cancel=bool(spec.get("cancel")),
        suspend=bool(spec.get("suspend")),
        preemptible=bool(spec.get("preemptible")),
        deleting="deletionTimestamp" in meta,
        label=(meta.get("labels") or {}).get(CLASS_LABEL) or "",
        status=status(raw.get("status") or {}),
    )


def _dependencies(names: Iterable[str], rules: Mapping[str, str]) -> Mapping[str, Rule]:
    return {name: Rule(rules.get(name, Rule.SUCCESS)) for name in names} or NO_DEPENDENCIES


def worker(raw: Mapping[str, Any] | None) -> Worker | None:
    """A worker; a limit without a request is the request, as the API server would have it."""
    if not raw:
        return None
    return _worker(orjson.dumps(raw))


@lru_cache(maxsize=4096)
def _worker(document: bytes) -> Worker:
    """Tasks made from one template, and all versions of a Task, share one worker."""
    read = orjson.loads(document)
    said = read.get("resources") or {}
    limits = amounts(said.get("limits"))
    requests = {**limits, **amounts(said.get("requests"))}
    return Worker(
        document=document,
        requests=requests,
        guaranteed=all(name in limits and requests[name] == limits[name] for name in LEARNABLE),
        limit=limits.get(MEMORY),
        image=read.get("image") or "",
    )


def placement(raw: Mapping[str, Any]) -> Placement:
    """Where a Task may run."""
    return Placement(
        strategy=Strategy(raw["strategy"]) if raw.get("strategy") else None,
        requires=tuple(raw.get("requires") or ()),
        prefers=tuple(raw.get("prefers") or ()),
        node_selector=tuple(sorted((raw.get("nodeSelector") or {}).items())),
        tolerations=tuple(
            Toleration(
                key=item.get("key") or "",
                operator=item.get("operator") or "Equal",
                value=item.get("value") or "",
                effect=item.get("effect") or "",
            )
            for item in raw.get("tolerations") or ()
        ),
        weights=weights(raw["weights"]) if raw.get("weights") else None,
        near=tuple((raw.get("affinity") or {}).get("near") or ()),
        apart=tuple((raw.get("affinity") or {}).get("apart") or ()),
        strict=bool(raw.get("strict")),
        requests=Requests(raw["requests"]) if raw.get("requests") else None,
        requires_declared=bool(raw.get("requiresDeclared")),
    )


def weights(raw: Mapping[str, Any]) -> Weights:
    """Weights; one that is not said counts nothing."""
    return Weights(*(float(raw.get(name, 0.0)) for name in ("cpu", "memory", "io")))


def policy(raw: Mapping[str, Any]) -> Policy:
    """A PlacementPolicy object."""
    spec = raw.get("spec") or {}
    default, metrics = Policy(), spec.get("metrics") or {}
    return Policy(
        weights=weights(spec["weights"]) if spec.get("weights") else default.weights,
        strategy=Strategy(spec.get("strategy") or default.strategy),
        when_hot=WhenHot(spec.get("whenHot") or default.when_hot),
        when_full=WhenFull(spec.get("whenFull") or default.when_full),
        requests=Requests(spec.get("requests") or default.requests),
        preemption=PreemptionScope(spec.get("preemption") or default.preemption),
        hot=float((spec.get("thresholds") or {}).get("hot", default.hot)),
        period_seconds=float(metrics.get("periodSeconds", default.period_seconds)),
        stale_seconds=float(metrics.get("staleSeconds", default.stale_seconds)),
        metering=metering.read(metrics),
        types={
            name: TypeDefault(
                worker=worker(item.get("worker")),
                requires=tuple(item.get("requires") or ()),
                prefers=tuple(item.get("prefers") or ()),
                weights=weights(item["weights"]) if item.get("weights") else None,
                requires_declared=bool(item.get("requiresDeclared")),
            )
            for name, item in (spec.get("types") or {}).items()
        },
        tenants=tuple(tenants.read(item) for item in spec.get("tenants") or ()),
        generation=int((raw.get("metadata") or {}).get("generation") or 0),
    )


def status(raw: Mapping[str, Any]) -> TaskStatus:
    """A Task's status."""
    return TaskStatus(
        state=State(raw.get("state", State.PENDING)),
        reason=raw.get("reason", Reason.QUEUED),
        message=raw.get("message", ""),
        observed_generation=int(raw.get("observedGeneration", 0)),
        assigned_to=raw.get("assignedTo", ""),
        attempt=min(int(raw.get("attempt", 0)), MOST_ATTEMPTS),
        pod=raw.get("pod", ""),
        parts=raw.get("parts", "0/1"),
        assigned=parse_time(raw.get("assignedTime")),
        started=parse_time(raw.get("startTime")),
        completed=parse_time(raw.get("completionTime")),
        exit_code=raw.get("exitCode"),
        failures=min(int(raw.get("failures", 0)), MOST - 1),
        disruptions=min(int(raw.get("disruptions", 0)), MOST - 1),
        preemptions=min(int(raw.get("preemptions", 0)), MOST - 1),
        not_before=parse_time(raw.get("notBefore")),
        waiting=parse_time(raw.get("waitingTime")),
        stopping=raw["stopping"] if raw.get("stopping") in MESSAGES else "",
        choice=_choice(raw["placement"]) if raw.get("placement") else None,
        resources=resources.read(raw["resources"]) if raw.get("resources") else None,
        expected_end=parse_time(raw.get("expectedEndTime")),
        resolved=raw.get("resolved", ""),
        result=raw.get("result"),
        attempts=tuple(_attempt(item) for item in raw.get("attempts") or ()),
        conditions=tuple(_condition(item) for item in raw.get("conditions") or ()),
    )


def status_document(value: TaskStatus) -> Json:
    """The status as it is written, in canonical form: what is not known is absent."""
    duration = None
    if value.started is not None and value.completed is not None:
        duration = min(max(0, int(value.completed) - int(value.started)), MOST)
    return _present(
        {
            "state": value.state.value,
            "reason": str(value.reason),
            "message": value.message[:MESSAGE_CHARACTERS],
            "observedGeneration": value.observed_generation,
            "assignedTo": value.assigned_to or None,
            "attempt": value.attempt,
            "pod": value.pod or None,
            "parts": value.parts,
            "assignedTime": format_time(value.assigned),
            "startTime": format_time(value.started),
            "completionTime": format_time(value.completed),
            "durationSeconds": duration,
            "exitCode": value.exit_code,
            "failures": min(value.failures, MOST - 1) or None,
            "disruptions": min(value.disruptions, MOST - 1) or None,
            "preemptions": min(value.preemptions, MOST - 1) or None,
            "notBefore": format_time(value.not_before),
            "waitingTime": format_time(value.waiting),
            "stopping": str(value.stopping) or None,
            "placement": _choice_document(value.choice) if value.choice else None,
            "resources": resources.document(value.resources) or None if value.resources else None,
            "expectedEndTime": format_time(value.expected_end),
            "resolved": value.resolved or None,
            "result": value.result,
            "attempts": [_attempt_document(item) for item in value.attempts] or None,
            "conditions": [condition_document(item) for item in value.conditions] or None,
        }
    )


def condition_document(value: Condition) -> Json:
    """A condition as it is written."""
    return _present(
        {
            "type": value.type,
            "status": value.status,
            "reason": value.reason,
            "message": value.message[:MESSAGE_CHARACTERS] or None,
            "lastTransitionTime": format_time(value.changed),
        }
    )


def _choice_document(value: Choice) -> Json:
    return _present(
        {
            "node": value.node,
            "score": round(value.score, 4),
            "terms": value.terms[:MESSAGE_CHARACTERS],
            "class": value.node_class.value,
            "sampleAgeSeconds": None if value.sample_age is None else min(int(value.sample_age), MOST),
            "next": value.next[:MESSAGE_CHARACTERS] or None,
            "rejected": value.rejected[:MESSAGE_CHARACTERS] or None,
        }
    )


def _choice(raw: Mapping[str, Any]) -> Choice:
    age = raw.get("sampleAgeSeconds")
    return Choice(
        node=raw.get("node", ""),
        score=float(raw.get("score", 0.0)),
        terms=raw.get("terms", ""),
        node_class=NodeClass(raw.get("class", NodeClass.UNKNOWN)),
        sample_age=None if age is None else float(age),
        next=raw.get("next", ""),
        rejected=raw.get("rejected", ""),
    )


def _attempt(raw: Mapping[str, Any]) -> Attempt:
    return Attempt(
        attempt=int(raw.get("attempt", 0)),
        node=raw.get("node", ""),
        pod=raw.get("pod", ""),
        reason=raw.get("reason", ""),
        started=parse_time(raw.get("startTime")),
        finished=parse_time(raw.get("finishTime")),
        exit_code=raw.get("exitCode"),
        message=raw.get("message", ""),
        others=tuple(raw.get("others") or ()),
    )


def _attempt_document(value: Attempt) -> Json:
    return _present(
        {
            "attempt": value.attempt,
            "node": value.node or None,
            "pod": value.pod or None,
            "reason": str(value.reason),
            "startTime": format_time(value.started),
            "finishTime": format_time(value.finished),
            "exitCode": value.exit_code,
            "message": value.message[:MESSAGE_CHARACTERS] or None,
            "others": list(value.others[:2]) or None,
        }
    )


def _condition(raw: Mapping[str, Any]) -> Condition:
    return Condition(
        type=raw["type"],
        status=raw.get("status", "Unknown"),
        reason=raw.get("reason", ""),
        message=raw.get("message", ""),
        changed=parse_time(raw.get("lastTransitionTime")) or 0.0,
    )


def _present(document: Json) -> Json:
    return {name: value for name, value in document.items() if value is not None}
