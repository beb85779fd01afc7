"""What the cluster shows → the store, and who must know of it. The reflectors of one replica, wired.

Translates and hands on; no rule lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from loadstar.api import API_VERSION, QUEUE_PLURAL, TASK_PLURAL, TASK_UID_LABEL, convert, queues
from loadstar.kube import translate
from loadstar.kube.client import Client
from loadstar.kube.reflector import Ref, Reflector
from loadstar.runtime.ports import Clock
from loadstar.runtime.store import Key, Store

Json = Mapping[str, Any]
PODS = "/api/v1/pods"


class Touch(Protocol):
    """Gets the Tasks that may have something to do."""

    def __call__(self, keys: Iterable[Key], *, urgent: bool = False) -> None:
        """`urgent`: before what only tells of something."""
        ...


class Observers:
    """`wake` says that there may be room."""

    def __init__(self, store: Store, touch: Touch, wake: Callable[[], None]) -> None:
        self._store = store
        self._touch = touch
        self._wake = wake

    def reflectors(self, client: Client, clock: Clock, resync: float) -> dict[str, Reflector]:
        """One for each collection, by the name that a person reads."""

        def reflector(
            path: str, seen: Callable[[Json], None], lost: Callable[..., None], *, metadata: bool = False, **params: str
        ) -> Reflector:
            return Reflector(client, clock, path, seen=seen, lost=lost, params=params, resync=resync, metadata=metadata)

        return {
            "tasks": reflector(f"/apis/{API_VERSION}/{TASK_PLURAL}", self.task_seen, self.task_lost),
            "pods": reflector(PODS, self.pod_seen, self.pod_lost, labelSelector=TASK_UID_LABEL),
            "other pods": reflector(
                PODS,
                self.other_seen,
                self.other_lost,
                labelSelector=f"!{TASK_UID_LABEL}",
                fieldSelector="status.phase!=Succeeded,status.phase!=Failed",
            ),
            "queues": reflector(f"/apis/{API_VERSION}/{QUEUE_PLURAL}", self.queue_seen, self.queue_lost),
            "namespaces": reflector("/api/v1/namespaces", self.namespace_seen, self.namespace_lost, metadata=True),
            "nodes": reflector("/api/v1/nodes", self.node_seen, self.node_lost),
        }

    def task_seen(self, raw: Json) -> None:
        """A Task; the echo of our own write is known already."""
        meta = raw["metadata"]
        if not self._store.knows_task((meta["namespace"], meta["name"]), meta["uid"], meta["resourceVersion"]):
            self._touch(self._store.apply_task(convert.task(raw)), urgent=True)

    def task_lost(self, ref: Ref, _: Json | None) -> None:
        """A Task is gone; its Pods may still be there."""
        key = (ref.namespace, ref.name)
        self._store.remove_task(key, ref.uid)
        self._touch([key])

    def pod_seen(self, raw: Json) -> None:
        """A Pod with our marks."""
        pod = translate.pod(raw)
        self._touch(self._store.apply_pod(pod))
        if pod.ended:
            self._wake()

    def pod_lost(self, ref: Ref, raw: Json | None) -> None:
        """Such a Pod is gone, or its label is."""
        self._touch(self._store.remove_pod(ref.uid, translate.pod(raw) if raw else None))
        self._wake()

    def other_seen(self, raw: Json) -> None:
        """Somebody else's Pod: only the room it takes matters."""
        uid = raw["metadata"]["uid"]
        if translate.takes_room(raw):
            self._store.apply_other(uid, raw["spec"]["nodeName"], translate.requests(raw["spec"]))
        else:
            self._store.remove_other(uid)

    def other_lost(self, ref: Ref, _: Json | None) -> None:
        """Somebody else's Pod has ended or is gone."""
        self._store.remove_other(ref.uid)
        self._wake()

    def queue_seen(self, raw: Json) -> None:
        """A TaskQueue; a write of its status alone is no news."""
        if self._store.waitlist.put_queue(queues.read(raw)):
            self._wake()

    def queue_lost(self, ref: Ref, _: Json | None) -> None:
        """A TaskQueue is gone: what waited in it waits for one of that name."""
        self._store.waitlist.drop_queue((ref.namespace, ref.name))
        self._wake()

    def namespace_seen(self, raw: Json) -> None:
        """A namespace: its labels say whose it is."""
        meta = raw["metadata"]
        if self._store.waitlist.put_namespace(meta["name"], meta.get("labels") or {}):
            self._wake()

    def namespace_lost(self, ref: Ref, _: Json | None) -> None:
        """A namespace is gone."""
        self._store.waitlist.drop_namespace(ref.name)

    def node_seen(self, raw: Json) -> None:
        """A Node."""
        self._touch(self._store.apply_node(translate.node(raw)))
        self._wake()

    def node_lost(self, ref: Ref, _: Json | None) -> None:
        """A Node is gone."""
        self._touch(self._store.remove_node(ref.name))
