"""The one way out: every write passes here, under the fence of the lease and the API server's own pace.

It carries out single instructions and feeds the answers back into the store; it decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from loadstar import telemetry
from loadstar.core.dependencies import mark
from loadstar.core.instructions import CreatePod, WriteStatus
from loadstar.core.learning import over_quota
from loadstar.core.model import Phase, Pod, Task
from loadstar.core.naming import pod_name
from loadstar.core.records import bared
from loadstar.core.template import assigned, resolve
from loadstar.core.view import Refusal
from loadstar.runtime.leader import Leader
from loadstar.runtime.ports import AlreadyExists, Clock, Cluster, Conflict, Forbidden, Invalid, NotFound, Throttled
from loadstar.runtime.profiles import BARRED_SECONDS, name_of
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
        with telemetry.API_SECONDS.labels("put", "tasks/status").time():
            try:
                written = await self._cluster.write_status(task, instruction.status)
            except Invalid as error:
                # Only what an earlier status left behind can be invalid: what is decided now stands without it.
                log.warning("the status is written anew: %s", error, extra=_about(task))
                bare = bared(instruction.status, task.generation, self._clock.now())
                written = await self._cluster.write_status(task, bare)
        old, new = task.status.state, written.status.state
        if old is not new:
            telemetry.TRANSITIONS.labels(old, new).inc()
            log.log(logging.INFO if new.terminal else logging.DEBUG, "%s became %s", task.name, new, extra=_about(task))
        self._store.apply_task(written)
        self._store.settle(written.key)
        return written

    async def create_pod(self, task: Task, instruction: CreatePod) -> None:
        """Create the attempt's Pod. One of that name that is the Task's own is success; a refusal is remembered."""
        template = resolve(task, self._store.policy)
        if template is None:
            self._refuse(task, "the PlacementPolicy no longer has a worker for this Task", invalid=False)
            return
        template = assigned(template, task.status)
        results = await self._results(task)
        await self._turn()
        try:
            with telemetry.API_SECONDS.labels("post", "pods").time():
                attempt, node, others = instruction.attempt, instruction.node, instruction.others
                pod = await self._cluster.create_pod(task, template, attempt, node, others, results)
        except AlreadyExists:
            name = pod_name(task.name, task.uid, 0, instruction.attempt)
            found = await self._cluster.read_pod(task.namespace, name)
            if found is not None and found.task_uid == task.uid:
                self._store.apply_pod(found, confirmed=True)
            else:
                self._refuse(task, f"another object holds the name of Pod {name}", invalid=False)
        except Forbidden as error:
            self._refuse(task, str(error), invalid=False)
        except Invalid as error:
            self._refuse(task, str(error), invalid=True)
        else:
            self._store.apply_pod(pod)

    async def _results(self, task: Task) -> dict[str, str]:
        """What the Tasks that this one depends on have left for it, by name; what is not in memory is read."""
        found: dict[str, str] = {}
        dependents = self._store.dependents
        for name, which in dependents.graph.marks(task.key).items():
            left, text = dependents.results.get((task.namespace, name), which)
            if left and text is None:
                other = await self._cluster.read_task(task.namespace, name)
                text = other.status.result if other is not None and mark(other.uid) == which else None
            if text is not None:
                found[name] = text
        return {name: found[name] for name in task.dependencies if name in found}

    async def delete_pod(self, pod: Pod, *, force: bool = False) -> None:
        """Ask for the Pod's end; the watch tells when it is gone. One that changed meanwhile is looked at again."""
        if pod.deleting and not force:
            return
        await self._turn()
        try:
            with telemetry.API_SECONDS.labels("delete", "pods").time():
                await self._cluster.delete_pod(pod, force=force)
        except NotFound:
            self._store.lose_pod(pod)
        except Conflict:
            await self._look_again(pod)
        else:
            self._store.apply_pod(replace(pod, deleting=True))

    async def release_pod(self, pod: Pod) -> None:
        """Take our finalizer off the Pod. Raises Conflict when somebody was faster: it is tried again at once."""
        await self._turn()
        with telemetry.API_SECONDS.labels("patch", "pods").time():
            found = await self._cluster.release_pod(pod)
        self._seen(pod, found)

    async def restore_pod(self, task: Task, pod: Pod) -> None:
        """Put our marks back on the Pod, so that the watch shows it again."""
        await self._turn()
        log.warning("the marks of Pod %s were altered: they are put back", pod.name, extra=_about(task))
        with telemetry.API_SECONDS.labels("patch", "pods").time():
            found = await self._cluster.restore_pod(task, pod)
        self._seen(pod, found)

    async def confirm_pod(self, task: Task, name: str, attempt: int) -> None:
        """Read a Pod that the store misses; when it really is gone, say so in the store.

        Whatever else holds the name of an open attempt must go before the attempt can be judged.
        """
        found = await self._cluster.read_pod(task.namespace, name)
        if found is None:
            self._store.lose_pod(self._last_seen(task, name, attempt))
        elif found.task_uid == task.uid:
            self._store.apply_pod(found, confirmed=True)
        else:
            await self.delete_pod(found)

    async def confirm_orphan(self, pod: Pod) -> None:
        """Let a Pod go whose Task is gone; one whose Task exists makes that Task known."""
        task = await self._cluster.read_task(pod.namespace, pod.task_name) if pod.task_name else None
        if task is not None and task.uid == pod.task_uid:
            self._store.apply_task(task)
            return
        log.info("Pod %s has no Task any more", pod.name, extra={"namespace": pod.namespace, "task": pod.task_name})
        if pod.tracked:
            await self.release_pod(pod)
        if not pod.deleting:
            await self.delete_pod(pod, force=False)

    async def confirm_dependency(self, task: Task, name: str) -> None:
        """Read a dependency that seems to be deleted; the Task that it was has a uid, which another one lacks."""
        found = await self._cluster.read_task(task.namespace, name)
        if found is not None:
            self._store.apply_task(found)
        self._store.dependents.graph.confirm(task.key, name)

    async def refresh_task(self, task: Task, ahead: Iterable[Pod] = ()) -> None:
        """Read the Task anew. Of the Pods `ahead` those are disowned whose attempts it still does not know."""
        found = await self._cluster.read_task(task.namespace, task.name)
        if found is None:
            self._store.remove_task(task.key, task.uid)
            return
        self._store.apply_task(found)
        for pod in ahead:
            if found.uid == task.uid and pod.attempt > found.status.attempt:
                self._store.apply_pod(replace(pod, disowned=True), confirmed=True)

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

    async def _turn(self) -> None:
        wait = self._paused_until - self._clock.boottime()
        if wait > 0:
            await asyncio.sleep(wait)
        if not self._leader.may_write():
            raise Fenced

    async def _look_again(self, pod: Pod) -> None:
        self._seen(pod, await self._cluster.read_pod(pod.namespace, pod.name))

    def _seen(self, pod: Pod, found: Pod | None) -> None:
        """What a live read or a write answered about a Pod of ours."""
        if found is None or found.uid != pod.uid:
            self._store.lose_pod(pod)
        else:
            self._store.apply_pod(found, confirmed=True)

    def _last_seen(self, task: Task, name: str, attempt: int) -> Pod:
        """The Pod as the store last knew it, else what the status says of it."""
        view = self._store.view(task.key)
        known = next((pod for pod in view.pods if pod.name == name), None) if view else None
        return known or Pod(
            namespace=task.namespace,
            name=name,
            uid=f"unseen-{task.uid}-{attempt}",
            resource_version="",
            task_uid=task.uid,
            task_name=task.name,
            attempt=attempt,
            phase=Phase.UNKNOWN,
            created=task.status.assigned or 0.0,
            node=task.status.assigned_to,
            started=task.status.started,
        )

    def _refuse(self, task: Task, message: str, *, invalid: bool) -> None:
        log.warning("the Pod was refused: %s", message, extra=_about(task))
        template, held = resolve(task, self._store.policy), task.status.resources
        if template is not None and held is not None and held.learned and not over_quota(message):
            self._store.profiles.bar(name_of(task, template), self._clock.now() + BARRED_SECONDS)
        self._store.refuse(task.key, Refusal(task.status.attempt, invalid, message[:1024]))


def _about(task: Task) -> dict[str, object]:
    return {"task": task.name, "namespace": task.namespace, "uid": task.uid, "attempt": task.status.attempt}
