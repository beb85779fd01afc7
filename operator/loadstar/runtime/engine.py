"""The workers: take a Task's key, look, decide, carry out. The same key is never worked on twice at once.

It binds store, queue, cycle and writer; what to do is the core's decision and how to do it the writer's.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from loadstar import telemetry
from loadstar.core.conditions import with_conditions
from loadstar.core.instructions import (
    ConfirmDependency,
    ConfirmOrphan,
    ConfirmPod,
    CreatePod,
    DeletePod,
    DeleteTask,
    Emit,
    Expire,
    Instruction,
    RefreshTask,
    ReleasePod,
    RequestPlacement,
    Requeue,
    RestorePod,
    Wait,
    WriteStatus,
)
from loadstar.core.model import Task
from loadstar.core.pods import orphans
from loadstar.core.reconcile import reconcile
from loadstar.core.states import State
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.expiry import Expiry
from loadstar.runtime.leader import Leader
from loadstar.runtime.notes import Notes
from loadstar.runtime.ports import (
    BudgetRefused,
    Clock,
    ClusterError,
    Conflict,
    Invalid,
    NotFound,
    Throttled,
    Unavailable,
)
from loadstar.runtime.store import Key, Store
from loadstar.runtime.workqueue import WorkQueue
from loadstar.runtime.writer import Fenced, Writer

STEPS: Final = 4
"""So many steps of one Task are made in a row; none needs more."""
STARVING: Final = 10
"""So many lost races for one Task in a row are reported: somebody writes to it without end."""
BUDGET_SECONDS: Final = 10.0
"""How soon a deletion that a disruption budget refused is asked for again."""
AWAY_SECONDS: Final = 5.0
"""The longest wait for an API server that is away: when it is back, work goes on at once."""
FAULT_MAX_SECONDS: Final = 30.0
AGAIN_SECONDS: Final = 2.0
FAULT_SECONDS: Final = 5.0
"""The least wait after a fault of ours: one bad Task must not keep a worker busy."""

log = logging.getLogger(__name__)


class Engine:
    """Reconciles Tasks while this replica leads."""

    def __init__(
        self, store: Store, queue: WorkQueue[Key], cycle: Cycle, writer: Writer, leader: Leader, clock: Clock
    ) -> None:
        self.notes = Notes()
        self._store = store
        self._queue = queue
        self._cycle = cycle
        self._writer = writer
        self._leader = leader
        self._clock = clock
        self._expiry = Expiry(self.touch, clock)
        self._races: dict[Key, int] = {}
        self.progress = clock.boottime()
        store.dependents.ripple = self._ripple

    def _ripple(self, keys: Iterable[Key]) -> None:
        """A Task that others wait for has changed: they may begin."""
        self.touch(keys, urgent=True)

    def touch(self, keys: Iterable[Key], *, urgent: bool = False) -> None:
        """These Tasks may have something to do; `urgent`: somebody waits for it to begin."""
        for key in keys:
            self._queue.add(key, urgent=urgent)

    async def run(self, workers: int) -> None:
        """Lead whenever elected: start afresh from what the store knows, work until the lease is lost."""
        while True:
            await self._leader.wait()
            telemetry.LEADING.set(1)
            for key in list(self._store.decisions):
                self._store.decide(key, None)
            self._store.waitlist.backlog.clear()
            self._races.clear()
            self._expiry.clear()
            for one in self._store.preemptions:
                self._store.preemptions.end(one)
            self.touch(list(self._store.tasks))
            self.touch(self._store.orphan_keys())
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(self._work(), name=f"worker-{n}") for n in range(workers)]
                running.append(group.create_task(self._cycle.run(), name="cycle"))
                running.append(group.create_task(self._expiry.run(), name="expiry"))
                await self._leader.lost()
                for task in running:
                    task.cancel()
            telemetry.LEADING.set(0)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                with telemetry.RECONCILE_SECONDS.time():
                    await self._handle(key)
            finally:
                self._queue.done(key)
                self.progress = self._clock.boottime()

    async def _handle(self, key: Key) -> None:  # noqa: C901 - one case a refusal
        """Reconcile one Task; whatever goes wrong concerns this Task alone."""
        try:
            await self._reconcile(key)
        except Fenced:
            return
        except Throttled as error:
            self._writer.pause(error)
            self._retry(key, "throttled", at_least=error.seconds)
        except Conflict:
            # Somebody wrote meanwhile: read it now rather than decide again on what is known to be old.
            self._store.decide(key, None)
            await self._reread(key)
        except BudgetRefused as error:
            log.info("a disruption budget holds a Pod: %s", error, extra=_about(key))
            self._retry(key, "budget", at_least=BUDGET_SECONDS)
        except NotFound:
            if task := self._store.tasks.get(key):
                self._store.remove_task(key, task.uid)
            self._forget(key)
        except Unavailable as error:
            log.warning("not possible now: %s", error, extra=_about(key))
            self._retry(key, "unavailable")
        except ClusterError as error:
            log.error("the API server refused a write: %s", error, extra=_about(key))  # noqa: TRY400 - no bug of ours
            self._store.decide(key, None)
            self._retry(key, "refused", at_least=FAULT_SECONDS if isinstance(error, Invalid) else 1.0)
        except Exception:
            log.exception("a decision failed", extra=_about(key))
            self._retry(key, "fault", at_least=FAULT_SECONDS)
        else:
            self._queue.succeed(key)
            self._races.pop(key, None)

    def _retry(self, key: Key, kind: str, at_least: float = 0.0) -> None:
        telemetry.RECONCILE_ERRORS.labels(kind).inc()
        self._queue.fail(key, at_least=at_least, at_most=AWAY_SECONDS if kind == "unavailable" else FAULT_MAX_SECONDS)

    async def _reread(self, key: Key) -> None:
        """A race for a Task is run again at once: waiting longer each time would only lose more of them."""
        telemetry.RECONCILE_ERRORS.labels("conflict").inc()
        races = self._races[key] = self._races.get(key, 0) + 1
        if races % STARVING == 0:
            log.warning("%d writes in a row lost the race for this Task", races, extra=_about(key))
        task = self._store.tasks.get(key)
        if task is not None:
            try:
                await self._writer.refresh_task(task)
            except ClusterError as error:
                log.warning("the Task could not be read again: %s", error, extra=_about(key))
                self._queue.fail(key)
                return
        self._queue.add(key, random.uniform(0.0, 0.005 * min(races, 20)))

    async def _reconcile(self, key: Key) -> None:
        for instruction in orphans(self._store.orphans(key), self._clock.now()):
            await self._carry_out_orphan(key, instruction)
        # What was begun is gone on with at once: a Task that has its node gets its Pod before the next one gets a node.
        for _ in range(STEPS):
            if not await self._step(key):
                return
        self._queue.add(key)

    async def _step(self, key: Key) -> bool:
        """Decide once and carry it out; True when the status was written, so that there is more to decide."""
        view = self._store.view(key)
        if view is None:
            self._forget(key)
            return False
        waits = wrote = False
        for instruction in reconcile(view, self._clock.now()):
            if not self._leader.may_write():
                raise Fenced
            # To ask for a node again is to wait on: what was noted about the wait still holds.
            waits = waits or isinstance(instruction, Wait | RequestPlacement)
            wrote = wrote or isinstance(instruction, WriteStatus)
            await self._carry_out(view.task, instruction)
        if not waits:
            self.notes.forget(key)
        return wrote

    async def _carry_out(self, task: Task, instruction: Instruction) -> None:  # noqa: C901, PLR0912 - one case each
        key = task.key
        match instruction:
            case WriteStatus():
                await self._write(task, instruction)
            case CreatePod():
                await self._writer.create_pod(task, instruction)
                self._queue.add(key)
            case DeletePod(pod, force):
                await self._writer.delete_pod(pod, force=force)
                self._again(key)
            case ReleasePod(pod):
                await self._writer.release_pod(pod)
                self._again(key)
            case RestorePod(pod):
                await self._writer.restore_pod(task, pod)
                self._again(key)
            case ConfirmPod(name, attempt):
                await self._writer.confirm_pod(task, name, attempt)
                self._queue.add(key)
            case ConfirmDependency(name):
                await self._writer.confirm_dependency(task, name)
                self._queue.add(key)
            case RefreshTask(ahead):
                await self._writer.refresh_task(task, ahead)
            case RequestPlacement():
                self._cycle.request(key)
            case Wait():
                await self._wait(task, instruction)
            case Requeue(seconds):
                self._queue.add(key, seconds)
            case Expire(seconds):
                self._expiry.add(key, seconds)
            case DeleteTask():
                if self._expiry.turn(key):
                    await self._writer.delete_task(task)
            case Emit(reason, message):
                await self._emit(task, reason, message)

    async def _carry_out_orphan(self, key: Key, instruction: Instruction) -> None:
        if not self._leader.may_write():
            raise Fenced
        match instruction:
            case ConfirmOrphan(pod):
                await self._writer.confirm_orphan(pod)
                self._queue.add(key, FAULT_SECONDS)
            case Requeue(seconds):
                self._queue.add(key, seconds)

    def _forget(self, key: Key) -> None:
        self.notes.forget(key)
        self._expiry.forget(key)

    def _again(self, key: Key) -> None:
        """Look once more, without haste: normally the watch is faster."""
        self._queue.add(key, AGAIN_SECONDS)

    async def _write(self, task: Task, instruction: WriteStatus) -> None:
        written = await self._writer.write_status(task, instruction)
        if written.status.state is State.ASSIGNED and written.status.attempt == 1:
            telemetry.START_SECONDS.observe(max(0.0, self._clock.now() - written.created))

    async def _wait(self, task: Task, wait: Wait) -> None:
        left = self.notes.take(task.key, wait, task.status.reason, self._clock.boottime())
        if left > 0:
            self._queue.add(task.key, left)
        elif left == 0:
            now = self._clock.now()
            resolved = wait.resolved or task.status.resolved
            status = replace(task.status, reason=wait.reason, message=wait.message, resolved=resolved)
            await self._writer.write_status(task, WriteStatus(with_conditions(status, task.generation, now)))

    async def _emit(self, task: Task, reason: str, message: str) -> None:
        """An Event is a courtesy: the Task goes on without it."""
        try:
            await self._writer.emit(task, reason, message)
        except ClusterError as error:
            log.warning("the Event was not recorded: %s", error, extra=_about(task.key))


def _about(key: Key) -> dict[str, object]:
    return {"namespace": key[0], "task": key[1]}
