"""Pods and Nodes of the wire as values of the core. Pure; what is missing or odd is read as harmlessly as it can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from loadstar.api import ATTEMPT_LABEL, GROUP, PART_LABEL, TASK_KIND
from loadstar.api.times import parse_time
from loadstar.core.model import Node, Phase, Pod, Taint
from loadstar.core.quantity import amounts, total

Json = Mapping[str, Any]

_MESSAGE_CHARACTERS: Final = 512
_PHASES: Final = {phase.value: phase for phase in Phase}


def pod(raw: Json) -> Pod:
    """One of our own Pods."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    labels = meta.get("labels") or {}
    state = _container_state(status)
    ended, waiting, running = state.get("terminated") or {}, state.get("waiting") or {}, state.get("running") or {}
    conditions = {item.get("type"): item for item in status.get("conditions") or ()}
    disruption = conditions.get("DisruptionTarget") or {}
    scheduled = conditions.get("PodScheduled") or {}
    return Pod(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=str(meta.get("resourceVersion", "")),
        task_uid=_owner(meta),
        attempt=_number(labels.get(ATTEMPT_LABEL)),
        part=_number(labels.get(PART_LABEL)),
        phase=_PHASES.get(status.get("phase", ""), Phase.PENDING),
        created=parse_time(meta.get("creationTimestamp")) or 0.0,
        node=spec.get("nodeName") or "",
        deleting="deletionTimestamp" in meta,
        ready=(conditions.get("Ready") or {}).get("status") == "True",
        requests=requests(spec),
        started=parse_time(running.get("startedAt") or ended.get("startedAt")),
        finished=parse_time(ended.get("finishedAt")),
        exit_code=ended.get("exitCode"),
        end_reason=_short(_end_reason(status, ended)),
        end_message=_short(status.get("message") or ended.get("message")),
        disruption=_short(disruption.get("reason")) if disruption.get("status") == "True" else "",
        waiting_reason=_short(waiting.get("reason")),
        waiting_message=_short(waiting.get("message")),
        unschedulable=_short(scheduled.get("message")) if scheduled.get("status") == "False" else "",
    )


def node(raw: Json) -> Node:
    """A Node."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    conditions = {item.get("type"): item.get("status") for item in status.get("conditions") or ()}
    return Node(
        name=meta["name"],
        resource_version=str(meta.get("resourceVersion", "")),
        ready=conditions.get("Ready") == "True",
        unschedulable=bool(spec.get("unschedulable")),
        labels=dict(meta.get("labels") or {}),
        taints=tuple(
            Taint(taint.get("key", ""), taint.get("value") or "", taint.get("effect", ""))
            for taint in spec.get("taints") or ()
        ),
        allocatable=amounts(status.get("allocatable") or status.get("capacity")),
    )


def requests(spec: Json) -> dict[str, int]:
    """What kube-scheduler counts for a Pod: all its containers, or its largest init container; and the overhead."""
    running = total(_container_requests(container) for container in spec.get("containers") or ())
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    running = total([running, *map(_container_requests, sidecars)])
    for container in spec.get("initContainers") or ():
        for name, value in _container_requests(container).items():
            running[name] = max(running.get(name, 0), value)
    return total([running, amounts(spec.get("overhead"))])


def takes_room(raw: Json) -> bool:
    """True while a Pod counts against its node."""
    return (raw.get("status") or {}).get("phase") not in {"Succeeded", "Failed"} and bool(
        (raw.get("spec") or {}).get("nodeName")
    )


def _container_requests(container: Json) -> dict[str, int]:
    resources = container.get("resources") or {}
    return amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _container_state(status: Json) -> Json:
    containers = status.get("containerStatuses") or ()
    return (containers[0].get("state") or {}) if containers else {}


def _end_reason(status: Json, ended: Json) -> str:
    """The Pod's own reason (Evicted, DeadlineExceeded …) says more than its container's (Error)."""
    return str(status.get("reason") or ended.get("reason") or "")


def _owner(meta: Json) -> str:
    """The uid of the owning Task; a label alone makes no Pod ours."""
    for owner in meta.get("ownerReferences") or ():
        if owner.get("kind") == TASK_KIND and str(owner.get("apiVersion", "")).startswith(f"{GROUP}/"):
            return str(owner["uid"])
    return ""


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - more is no attempt


def _short(text: object) -> str:
    return str(text or "").strip()[:_MESSAGE_CHARACTERS]
