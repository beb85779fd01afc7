"""The runtime's ports `Cluster` and `LeaseStore`, as requests to the API server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from loadstar import __version__
from loadstar.api import (
    API_VERSION,
    POLICY_KIND,
    POLICY_NAME,
    POLICY_PLURAL,
    TASK_KIND,
    TASK_PLURAL,
    TRACKING_FINALIZER,
    convert,
)
from loadstar.api.standing import topology_document
from loadstar.api.times import format_micro_time, format_time
from loadstar.core.model import Condition, Pod, Task, TaskStatus
from loadstar.core.result import NO_RESULTS
from loadstar.core.standing import Topology
from loadstar.core.template import Template
from loadstar.kube import translate
from loadstar.kube.client import MERGE_PATCH, METADATA_ONLY, Client
from loadstar.kube.manifests import marks, pod_manifest
from loadstar.runtime.ports import AlreadyExists, Clock, Conflict, LeaseRecord, NotFound

Json = dict[str, Any]


def tasks_path(namespace: str, *name: str) -> str:
    """The path of a namespace's Tasks, of one, or of its subresource. Raises ValueError for an empty name."""
    return path_of("apis", *API_VERSION.split("/"), "namespaces", namespace, TASK_PLURAL, *name)


def pods_path(namespace: str, *name: str) -> str:
    """The path of a namespace's Pods, or of one. Raises ValueError for an empty name."""
    return path_of("api", "v1", "namespaces", namespace, "pods", *name)


def path_of(*parts: str) -> str:
    """A path of these parts, quoted. Raises ValueError for a part that is empty or walks upwards."""
    # A name that is missing or walks upwards would make a request about one object one about all of them.
    if any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"no path has such a part: {parts}")
    return "/" + "/".join(quote(part, safe="") for part in parts)


class KubeCluster:
    """Writes and live reads of Tasks, Pods, Events and the policy's status."""

    def __init__(self, client: Client, clock: Clock, identity: str) -> None:
        self._client = client
        self._clock = clock
        self._identity = identity

    async def write_status(self, task: Task, status: TaskStatus) -> Task:
        """PUT /status under the resourceVersion that was decided on.

        The API server takes spec and metadata from what it has, and that version is the precondition: so neither is
        sent, and of the answer only the new version is needed. A patch costs it more than a replacement.
        """
        document = convert.status_document(status)
        body = {
            "apiVersion": API_VERSION,
            "kind": TASK_KIND,
            "metadata": {
                "name": task.name,
                "namespace": task.namespace,
                "uid": task.uid,
                "resourceVersion": task.resource_version,
            },
            "spec": {},
            "status": document,
        }
        path = tasks_path(task.namespace, task.name, "status")
        answer = await self._client.request("PUT", path, body, accept=METADATA_ONLY)
        return replace(
            task, status=convert.status(document), resource_version=str(answer["metadata"]["resourceVersion"])
        )

    async def read_task(self, namespace: str, name: str) -> Task | None:
        """GET the Task."""
        try:
            return convert.task(await self._client.request("GET", tasks_path(namespace, name)))
        except NotFound:
            return None

    async def delete_task(self, task: Task) -> None:
        """DELETE the Task; its Pods follow by their owner reference."""
        body = {"preconditions": {"uid": task.uid}, "propagationPolicy": "Background"}
        try:
            await self._client.request("DELETE", tasks_path(task.namespace, task.name), body)
        except (NotFound, Conflict):
            return

    async def create_pod(
        self,
        task: Task,
        template: Template,
        attempt: int,
        node: str,
        others: tuple[str, ...] = (),
        results: Mapping[str, str] = NO_RESULTS,
    ) -> Pod:
        """POST the attempt's Pod; what admission made of it is told by the watch."""
        manifest = pod_manifest(task, template, attempt, node, others, results=results)
        answer = await self._client.request("POST", pods_path(task.namespace), manifest, accept=METADATA_ONLY)
        return translate.pod({**manifest, "metadata": answer["metadata"]})

    async def read_pod(self, namespace: str, name: str) -> Pod | None:
        """GET the Pod."""
        try:
            return translate.pod(await self._client.request("GET", pods_path(namespace, name)))
        except NotFound:
            return None

    async def delete_pod(self, pod: Pod, *, force: bool) -> None:
        """DELETE the Pod: with its own grace period and only as it was seen, or at once as it is."""
        preconditions = {"uid": pod.uid}
        body: Json = {"preconditions": preconditions}
        if force:
            body["gracePeriodSeconds"] = 0
        elif pod.resource_version:
            preconditions["resourceVersion"] = pod.resource_version
        await self._client.request("DELETE", pods_path(pod.namespace, pod.name), body, accept=METADATA_ONLY)

    async def release_pod(self, pod: Pod) -> Pod | None:
        """PATCH our finalizer away and leave those of others."""
        path = pods_path(pod.namespace, pod.name)
        try:
            meta = (await self._client.request("GET", path, accept=METADATA_ONLY))["metadata"]
            if meta["uid"] != pod.uid:
                return None
            finalizers = [name for name in meta.get("finalizers") or () if name != TRACKING_FINALIZER]
            body = {"metadata": {"resourceVersion": meta["resourceVersion"], "finalizers": finalizers or None}}
            answer = await self._client.request("PATCH", path, body, content_type=MERGE_PATCH)
        except NotFound:
            return None
        if not finalizers and "deletionTimestamp" in answer["metadata"]:
            return None
        return translate.pod(answer)

    async def restore_pod(self, task: Task, pod: Pod) -> Pod | None:
        """PATCH our labels and the owner back."""
        body = {"metadata": {"uid": pod.uid, **marks(task, pod.part, pod.attempt)}}
        try:
            path = pods_path(pod.namespace, pod.name)
            return translate.pod(await self._client.request("PATCH", path, body, content_type=MERGE_PATCH))
        except NotFound:
            return None

    async def emit(self, task: Task, reason: str, message: str) -> None:
        """POST an Event (events.k8s.io) about the Task."""
        now = format_micro_time(self._clock.now())
        event = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{task.name}.{int(self._clock.now() * 1e6):x}", "namespace": task.namespace},
            "eventTime": now,
            "type": "Warning",
            "reason": reason,
            "action": "Reconcile",
            "note": message[:1024],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": TASK_KIND,
                "name": task.name,
                "namespace": task.namespace,
                "uid": task.uid,
                "resourceVersion": task.resource_version,
            },
            "reportingController": "loadstar.dev/operator",
            "reportingInstance": self._identity[:128],
        }
        path = f"/apis/events.k8s.io/v1/namespaces/{quote(task.namespace, safe='')}/events"
        await self._client.request("POST", path, event)

    async def create_policy(self) -> None:
        """POST the PlacementPolicy `default` with nothing said: the schema fills in its defaults."""
        body = {"apiVersion": API_VERSION, "kind": POLICY_KIND, "metadata": {"name": POLICY_NAME}, "spec": {}}
        try:
            await self._client.request("POST", f"/apis/{API_VERSION}/{POLICY_PLURAL}", body)
        except AlreadyExists:
            return

    async def write_policy_status(
        self, generation: int, topology: Topology, conditions: Sequence[Condition], now: float
    ) -> None:
        """PATCH the policy's status: lists of nodes are replaced whole."""
        body = {
            "status": {
                "observedGeneration": generation,
                "updatedTime": format_time(now),
                **topology_document(topology),
                "conditions": [convert.condition_document(condition) for condition in conditions],
            }
        }
        path = f"/apis/{API_VERSION}/{POLICY_PLURAL}/{POLICY_NAME}/status"
        await self._client.request("PATCH", path, body, content_type=MERGE_PATCH)


class KubeLeases:
    """The Lease of the operator in its own namespace."""

    def __init__(self, client: Client, clock: Clock, namespace: str, name: str) -> None:
        self._client = client
        self._clock = clock
        self._namespace = namespace
        self._name = name
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases"

    async def read_lease(self) -> LeaseRecord | None:
        """GET the Lease."""
        try:
            return _lease(await self._client.request("GET", f"{self._path}/{self._name}"))
        except NotFound:
            return None

    async def write_lease(
        self, holder: str, duration: float, transitions: int, over: LeaseRecord | None
    ) -> LeaseRecord:
        """POST it, or PUT it over exactly what was read."""
        now = format_micro_time(self._clock.now())
        metadata: Json = {
            "name": self._name,
            "namespace": self._namespace,
            "labels": {"loadstar.dev/version": __version__},
        }
        spec: Json = {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(duration),
            "leaseTransitions": transitions,
            "renewTime": now,
            "acquireTime": now,
        }
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        if over is None:
            return _lease(await self._client.request("POST", self._path, body))
        metadata["resourceVersion"] = over.resource_version
        return _lease(await self._client.request("PUT", f"{self._path}/{self._name}", body))


def _lease(raw: Json) -> LeaseRecord:
    spec = raw.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        duration=float(spec.get("leaseDurationSeconds") or 0),
        transitions=int(spec.get("leaseTransitions") or 0),
        renewed=spec.get("renewTime") or "",
        resource_version=raw["metadata"]["resourceVersion"],
    )
