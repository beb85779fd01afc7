"""A Task's attempt as a Pod. Pure. The restricted settings are filled in here, and a Task can only tighten them.

Fields are copied one by one from the narrow worker: what is not named here never reaches a Pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from loadstar.api import (
    API_VERSION,
    ATTEMPT_LABEL,
    CONTAINER,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PART_LABEL,
    TASK_KIND,
    TASK_LABEL,
    TASK_UID_LABEL,
    TRACKING_FINALIZER,
)
from loadstar.api.resources import amounts_document
from loadstar.core.labels import CAPABILITY_PREFIX
from loadstar.core.model import Task, Toleration
from loadstar.core.naming import pod_name
from loadstar.core.quantity import MEMORY
from loadstar.core.result import NO_RESULTS, environment
from loadstar.core.template import Template

USER: Final = 65532
"""The usual number of "nonroot"; ordinary images run under it, since /tmp is writable and HOME."""
TMP: Final = "/tmp"  # noqa: S108 - inside the container, an emptyDir of its own
TMP_VOLUME: Final = "loadstar-tmp"
TMP_LIMIT: Final = "1Gi"
NODE_GRACE_SECONDS: Final = 30
PREFER_WEIGHT: Final = 50
NODE_WEIGHTS: Final = (100, 60, 30)
"""How much the chosen node and those that are as good are preferred to each other."""

_COPIED_TO_CONTAINER: Final = ("image", "imagePullPolicy", "command", "args", "envFrom", "resources", "workingDir")
_COPIED_TO_POD: Final = ("runtimeClassName", "priorityClassName", "terminationGracePeriodSeconds", "imagePullSecrets")
_NODE_TROUBLES: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")

Json = dict[str, Any]


def pod_manifest(
    task: Task,
    template: Template,
    attempt: int,
    node: str,
    others: tuple[str, ...] = (),
    part: int = 0,
    parts: int = 1,
    results: Mapping[str, str] = NO_RESULTS,
) -> Json:
    """The Pod of one attempt at one part, pinned to `node`, or as a second choice `others`, unless that is empty.

    `results`: what its dependencies left for it, by name.
    """
    worker: Json = orjson.loads(template.worker.document)
    spec: Json = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "serviceAccountName": worker.get("serviceAccountName") or "default",
        "securityContext": _pod_security(worker),
        "containers": [_container(task, worker, template, attempt, part, parts, results)],
        "volumes": _volumes(worker),
        "tolerations": _tolerations(template.placement.tolerations),
    }
    spec.update({name: worker[name] for name in _COPIED_TO_POD if worker.get(name) is not None})
    if template.placement.node_selector:
        spec["nodeSelector"] = dict(template.placement.node_selector)
    if task.run_seconds is not None:
        spec["activeDeadlineSeconds"] = task.run_seconds
    if affinity := _affinity(template, (node, *others) if node else ()):
        spec["affinity"] = {"nodeAffinity": affinity}
    metadata: Json = {
        "name": pod_name(task.name, task.uid, part, attempt),
        "namespace": task.namespace,
        **marks(task, part, attempt),
    }
    if task.retry.track_completion:
        metadata["finalizers"] = [TRACKING_FINALIZER]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def marks(task: Task, part: int, attempt: int) -> Json:
    """The labels and the owner by which a Pod is the Task's."""
    return {
        "labels": {
            TASK_LABEL: task.name,
            TASK_UID_LABEL: task.uid,
            PART_LABEL: str(part),
            ATTEMPT_LABEL: str(attempt),
            MANAGED_BY_LABEL: MANAGED_BY,
        },
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": TASK_KIND,
                "name": task.name,
                "uid": task.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def _container(
    task: Task,
    worker: Mapping[str, Any],
    template: Template,
    attempt: int,
    part: int,
    parts: int,
    results: Mapping[str, str],
) -> Json:
    asked = worker.get("securityContext") or {}
    container: Json = {
        "name": CONTAINER,
        # Of a success the message is what it wrote to the file, never its logs: that is its result.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": asked.get("readOnlyRootFilesystem", True),
        },
        "env": _environment(task, worker, attempt, part, parts, results),
        "volumeMounts": list(worker.get("volumeMounts") or ()),
    }
    container.update({name: worker[name] for name in _COPIED_TO_CONTAINER if worker.get(name) is not None})
    if changed := _resources(worker.get("resources") or {}, template):
        container["resources"] = changed
    if not _mounts_tmp(worker):
        container["volumeMounts"].append({"name": TMP_VOLUME, "mountPath": TMP})
    return container


def _resources(said: Mapping[str, Any], template: Template) -> Json | None:
    """What is said, but for what was learned and for memory that has grown; None where it is as it is said."""
    requests: dict[str, int] = dict(template.learned.requests)
    limits: dict[str, int] = {}
    if template.memory_factor > 1:
        if MEMORY in template.declared:
            requests.setdefault(MEMORY, template.declared[MEMORY])
        if template.limit is not None:
            limits[MEMORY] = template.limit
    found: Json = dict(said)
    for name, amounts in (("requests", requests), ("limits", limits)):
        if amounts:
            found[name] = {**(said.get(name) or {}), **amounts_document(amounts)}
    return found if requests or limits else None


def _environment(
    task: Task, worker: Mapping[str, Any], attempt: int, part: int, parts: int, results: Mapping[str, str]
) -> list[Json]:
    """HOME first, so that a Task may say otherwise; results before what it asks for, so that it may refer to them."""
    # A kubelet replaces $(NAME) in values, and $$ by $: a result is text and stays as it is.
    handed = {name: text.replace("$", "$$") for name, text in environment(results).items()}
    own = {
        "LOADSTAR_TASK": task.name,
        "LOADSTAR_NAMESPACE": task.namespace,
        "LOADSTAR_PART": str(part),
        "LOADSTAR_PARTS": str(parts),
        "LOADSTAR_ATTEMPT": str(attempt),
        "LOADSTAR_IDEMPOTENCY_KEY": f"{task.uid}-{part}",
    }
    asked = [item for item in worker.get("env") or () if item.get("name") not in {**own, **handed}]
    home = [] if any(item.get("name") == "HOME" for item in asked) else [{"name": "HOME", "value": TMP}]
    before, after = ([{"name": name, "value": value} for name, value in some.items()] for some in (handed, own))
    return [*home, *before, *asked, *after]


def _pod_security(worker: Mapping[str, Any]) -> Json:
    asked = worker.get("securityContext") or {}
    context: Json = {
        "runAsNonRoot": True,
        "runAsUser": asked.get("runAsUser") or USER,
        "runAsGroup": asked.get("runAsGroup") or USER,
        "fsGroup": asked.get("fsGroup") or USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if asked.get("supplementalGroups"):
        context["supplementalGroups"] = asked["supplementalGroups"]
    return context


def _mounts_tmp(worker: Mapping[str, Any]) -> bool:
    return any(mount.get("mountPath", "").rstrip("/") == TMP for mount in worker.get("volumeMounts") or ())


def _volumes(worker: Mapping[str, Any]) -> list[Json]:
    volumes = list(worker.get("volumes") or ())
    if not _mounts_tmp(worker):
        volumes.append({"name": TMP_VOLUME, "emptyDir": {"sizeLimit": TMP_LIMIT}})
    return volumes


def _tolerations(asked: tuple[Toleration, ...]) -> list[Json]:
    result: list[Json] = []
    for toleration in asked:
        item = {
            "key": toleration.key,
            "operator": toleration.operator,
            "value": toleration.value,
            "effect": toleration.effect,
        }
        result.append({name: value for name, value in item.items() if value})
    named = {toleration.key for toleration in asked}
    result += [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": NODE_GRACE_SECONDS}
        for key in _NODE_TROUBLES
        if key not in named
    ]
    return result


def _affinity(template: Template, nodes: tuple[str, ...]) -> Json:
    """One term a node, since a term takes one name; each with the capabilities that are required."""
    required = [_capability(name) for name in template.requires]
    terms: list[Json] = [{"matchFields": [_named(name)]} for name in nodes] or [{}]
    if required:
        terms = [{**term, "matchExpressions": required} for term in terms]
    affinity: Json = {}
    if terms != [{}]:
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if len(nodes) > 1:
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": weight, "preference": {"matchFields": [_named(name)]}}
            for name, weight in zip(nodes, NODE_WEIGHTS, strict=False)
        ]
    elif template.prefers and not nodes:
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": PREFER_WEIGHT, "preference": {"matchExpressions": [_capability(name)]}}
            for name in template.prefers
        ]
    return affinity


def _named(node: str) -> Json:
    return {"key": "metadata.name", "operator": "In", "values": [node]}


def _capability(name: str) -> Json:
    return {"key": CAPABILITY_PREFIX + name, "operator": "Exists"}
