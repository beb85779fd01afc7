"""The one way out: every write passes here, under the fence of the lease and the API server's own pace.

It carries out single instructions and feeds the answers back into the store; it decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

from loadstar import telemetry
from loadstar.core.instructions import CreatePod, WriteStatus
from loadstar.core.model import Phase, Pod, Task
from loadstar.core.reconcile import Refusal
from loadstar.core.template import resolve
from loadstar.runtime.leader import Leader
from loadstar.runtime.ports import AlreadyExists, Clock, Cluster, Forbidden, Invalid, NotFound, Throttled
from loadstar.runtime.store import Store

PAUSE_MAX_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


class Fenced(Exception):  # noqa: N818 - a state, not a fault
    """This replica may not write: another may lead."""


class Writer:
    """Writes to the cluster and echoes what came back into the store."""

    def __init__(self, cluster: Cluster, store: Store, leader: Leader, clock: Clock) -> None:
        self._cluster = cluster
        self._store = store
        self._leader = leader
        self._clock = clock
        self._paused_until = 0.0

    async def write_status(self, task: Task, instruction: WriteStatus) -> Task:
        """Write the status; the answer is the Task as it is now."""
        await self._turn()
        with telemetry.API_SECONDS.labels("patch", "tasks/status").time():
            written = await self._cluster.write_status(task, instruction.status)
        old, new = task.status.state, written.status.state
        if old is not new:
            telemetry.TRANSITIONS.labels(old, new).inc()
            log.info("%s became %s", task.name, new, extra=_about(written))
        self._store.apply_task(written)
        self._store.settle(written.key)
        return written

    async def create_pod(self, task: Task, instruction: CreatePod) -> None:
        """Create the attempt's Pod. One of that name that is the Task's own is success; a refusal is remembered."""
        template = resolve(task, self._store.policy)
        if template is None:
            self._refuse(task, "the PlacementPolicy no longer has a worker for this Task", invalid=False)
            return
        await self._turn()
        try:
            with telemetry.API_SECONDS.labels("post", "pods").time():
                pod = await self._cluster.create_pod(task, template, instruction.attempt, instruction.node)
        except AlreadyExists:
            found = await self._cluster.read_pod(task.namespace, task.status.pod)
            if found is not None and found.task_uid == task.uid:
                self._store.apply_pod(found)
            else:
                self._refuse(task, f"another object holds the name of Pod {task.status.pod}", invalid=False)
        except Forbidden as error:
            self._refuse(task, str(error), invalid=False)
        except Invalid as error:
            self._refuse(task, str(error), invalid=True)
        else:
            self._store.apply_pod(pod)

    async def delete_pod(self, pod: Pod) -> None:
        """Ask for the Pod's end; the watch tells when it is gone."""
        if pod.deleting:
            return
        await self._turn()
        with telemetry.API_SECONDS.labels("delete", "pods").time():
            await self._cluster.delete_pod(pod)
        self._store.apply_pod(replace(pod, deleting=True))

    async def confirm_pod(self, task: Task, name: str, attempt: int) -> None:
        """Read a Pod that the store misses; when it really is gone, say so in the store."""
        found = await self._cluster.read_pod(task.namespace, name)
        if found is not None and found.task_uid == task.uid:
            self._store.apply_pod(found)
            return
        lost = Pod(
            namespace=task.namespace,
            name=name,
            uid=f"unseen-{attempt}",
            resource_version="",
            task_uid=task.uid,
            attempt=attempt,
            phase=Phase.UNKNOWN,
            created=task.status.assigned or 0.0,
            node=task.status.assigned_to,
            gone=True,
            started=task.status.started,
        )
        self._store.apply_pod(lost)

    async def refresh_task(self, task: Task) -> None:
        """Read the Task anew."""
        found = await self._cluster.read_task(task.namespace, task.name)
        if found is None:
            self._store.remove_task(task.key, task.uid)
        else:
            self._store.apply_task(found)

    async def delete_task(self, task: Task) -> None:
        """Delete a Task whose time to live is over."""
        await self._turn()
        with telemetry.API_SECONDS.labels("delete", "tasks").time():
            await self._cluster.delete_task(task)
        self._store.remove_task(task.key, task.uid)

    async def emit(self, task: Task, reason: str, message: str) -> None:
        """Record a Warning Event."""
        await self._turn()
        with telemetry.API_SECONDS.labels("post", "events").time():
            await self._cluster.emit(task, reason, message)

    def pause(self, error: Throttled) -> None:
        """Hold all writes as long as the API server asked."""
        until = self._clock.boottime() + min(PAUSE_MAX_SECONDS, error.seconds)
        self._paused_until = max(self._paused_until, until)

    def gone(self, task: Task, _error: NotFound) -> None:
        """A write found the Task gone: forget it."""
        self._store.remove_task(task.key, task.uid)

    async def _turn(self) -> None:
        wait = self._paused_until - self._clock.boottime()
        if wait > 0:
            await asyncio.sleep(wait)
        if not self._leader.may_write():
            raise Fenced

    def _refuse(self, task: Task, message: str, *, invalid: bool) -> None:
        log.warning("the Pod was refused: %s", message, extra=_about(task))
        self._store.refuse(task.key, Refusal(task.status.attempt, invalid, message[:1024]))


def _about(task: Task) -> dict[str, object]:
    return {"task": task.name, "namespace": task.namespace, "uid": task.uid, "attempt": task.status.attempt}
