"""Pods and Nodes of the wire as values of the core. Pure; what is missing or odd is read as harmlessly as it can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

from loadstar.api import BASE_WEIGHT_ANNOTATION, GROUP, TASK_KIND, TASK_LABEL, TASK_UID_LABEL, TRACKING_FINALIZER
from loadstar.api.times import parse_time
from loadstar.core.model import Node, Phase, Pod, Taint
from loadstar.core.quantity import Quantities, amounts, total
from loadstar.core.result import cleaned

Json = Mapping[str, Any]

KUBELET_PORT: Final = 10250
_MESSAGE_CHARACTERS: Final = 512
_NUMBERS: Final = re.compile(r"-(\d{1,9})-(\d{1,9})$")
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
    owner, label = _owner(meta), labels.get(TASK_UID_LABEL) or ""
    part, attempt = numbers(meta["name"])
    deleting = "deletionTimestamp" in meta
    return Pod(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=str(meta.get("resourceVersion", "")),
        task_uid=owner.get("uid") or label,
        task_name=owner.get("name") or labels.get(TASK_LABEL) or "",
        attempt=attempt,
        part=part,
        phase=_PHASES.get(status.get("phase", ""), Phase.PENDING),
        created=parse_time(meta.get("creationTimestamp")) or 0.0,
        node=spec.get("nodeName") or "",
        deleting=deleting,
        expunged=deleting and meta.get("deletionGracePeriodSeconds") == 0,
        tracked=TRACKING_FINALIZER in (meta.get("finalizers") or ()),
        altered=owner.get("uid") != label,
        ready=(conditions.get("Ready") or {}).get("status") == "True",
        requests=requests(spec),
        started=parse_time(running.get("startedAt") or ended.get("startedAt")),
        finished=parse_time(ended.get("finishedAt")),
        exit_code=ended.get("exitCode"),
        end_reason=_short(_end_reason(status, ended)),
        result=cleaned(ended.get("message")) if ended.get("exitCode") == 0 else None,
        end_message=_short(status.get("message") or ended.get("message")),
        disruption=_short(disruption.get("reason")) if disruption.get("status") == "True" else "",
        waiting_reason=_short(waiting.get("reason")),
        waiting_message=_short(waiting.get("message")),
        unschedulable=_short(scheduled.get("message")) if scheduled.get("status") == "False" else "",
        named=_named(spec) if not spec.get("nodeName") else (),
    )


def node(raw: Json) -> Node:
    """A Node."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    ready: Json = next((item for item in status.get("conditions") or () if item.get("type") == "Ready"), {})
    return Node(
        name=meta["name"],
        resource_version=str(meta.get("resourceVersion", "")),
        ready=ready.get("status") == "True",
        ready_changed=parse_time(ready.get("lastTransitionTime")),
        unschedulable=bool(spec.get("unschedulable")),
        labels=dict(meta.get("labels") or {}),
        taints=tuple(
            Taint(taint.get("key", ""), taint.get("value") or "", taint.get("effect", ""))
            for taint in spec.get("taints") or ()
        ),
        allocatable=amounts(status.get("allocatable") or status.get("capacity")),
        base_weight=_weight((meta.get("annotations") or {}).get(BASE_WEIGHT_ANNOTATION)),
        addresses=tuple(dict.fromkeys(item["address"] for item in _addresses(status))),
        kubelet=_kubelet(status),
    )


def _named(spec: Json) -> tuple[str, ...]:
    """The nodes that the Pod's required affinity names, in its order. Only our own Pods are read."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return tuple(
        str(value)
        for term in required.get("nodeSelectorTerms") or ()
        for field in term.get("matchFields") or ()
        if field.get("key") == "metadata.name"
        for value in field.get("values") or ()
    )


def _weight(text: object) -> float | None:
    """A number above 0; anything else says nothing."""
    try:
        weight = float(str(text))
    except ValueError:
        return None
    return weight if isfinite(weight) and weight > 0 else None


def _addresses(status: Json) -> list[Json]:
    return [item for item in status.get("addresses") or () if item.get("address")]


def _kubelet(status: Json) -> str:
    """Where its kubelet answers: the InternalIP, at the port that the node tells."""
    address = next((item["address"] for item in _addresses(status) if item.get("type") == "InternalIP"), "")
    endpoint = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
    port = endpoint if isinstance(endpoint, int) and 0 < endpoint < 65536 else KUBELET_PORT  # noqa: PLR2004 - TCP
    if not address:
        return ""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def requests(spec: Json) -> Quantities:
    """What kube-scheduler counts for a Pod: all its containers, or its largest init container; and the overhead."""
    running = total(_container_requests(container) for container in spec.get("containers") or ())
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    running = total([running, *map(_container_requests, sidecars)])
    for container in spec.get("initContainers") or ():
        for name, value in _container_requests(container).items():
            running[name] = max(running.get(name, 0), value)
    return shared(total([running, amounts(spec.get("overhead"))]))


def shared(requests: dict[str, int]) -> Quantities:
    """Equal requests as one object: most Pods of a cluster ask for the same."""
    return _shared(tuple(requests.items()))


@lru_cache(maxsize=4096)
def _shared(items: tuple[tuple[str, int], ...]) -> Quantities:
    return MappingProxyType(dict(items))


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


def numbers(name: str) -> tuple[int, int]:
    """Part and attempt of a Pod by its name, which nobody can change; (0, 0) for a name that is not of ours."""
    found = _NUMBERS.search(name)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _owner(meta: Json) -> dict[str, str]:
    """Name and uid of the owning Task; empty when there is none."""
    for owner in meta.get("ownerReferences") or ():
        if owner.get("kind") == TASK_KIND and str(owner.get("apiVersion", "")).startswith(f"{GROUP}/"):
            return {"name": str(owner["name"]), "uid": str(owner["uid"])}
    return {}


def _short(text: object) -> str:
    return str(text or "").strip()[:_MESSAGE_CHARACTERS]
