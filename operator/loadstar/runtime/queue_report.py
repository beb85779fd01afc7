"""What the leader says about TaskQueues in their status: when it is news, and no faster than a fixed rate in all.

Reads the store, decides nothing. It counts all Tasks now and then, so a Task that comes and goes costs nothing here.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

from loadstar.core.occupancy import Occupancy, QueueStatus
from loadstar.core.rate import Rate
from loadstar.core.states import State
from loadstar.core.stops import waiting_since
from loadstar.core.template import assigned, resolve
from loadstar.runtime.leader import Leader
from loadstar.runtime.notes import Notes
from loadstar.runtime.ports import Clock, ClusterError, NotFound, QueueObjects
from loadstar.runtime.queues import Name
from loadstar.runtime.store import Store

LOOK_SECONDS: Final = 1.0
"""A queue that is new is reported so soon."""
STATUS_SECONDS: Final = 15.0
MOST: Final = 75
"""So many writes a round: five a second."""
YIELD_EVERY: Final = 1000

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Said:
    """What was last written of a queue, None when that failed, and when."""

    status: QueueStatus | None = None
    at: float = float("-inf")
    rate: Rate = field(default_factory=Rate)


class QueueReport:
    """The reporting loop; only the leader writes."""

    def __init__(self, objects: QueueObjects, store: Store, notes: Notes, leader: Leader, clock: Clock) -> None:
        self._objects = objects
        self._store = store
        self._notes = notes
        self._leader = leader
        self._clock = clock
        self._said: dict[Name, _Said] = {}
        self._counted_at = float("-inf")
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Report for ever."""
        while True:
            if self._leader.may_write():
                await self.step()
            else:
                self._said.clear()
            self.progress = self._clock.boottime()
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """Count and write what is news; nothing so soon after the last time, unless a queue is new."""
        queues = self._store.queues.objects
        self._said = {name: said for name, said in self._said.items() if name in queues}
        due = self._clock.boottime() - self._counted_at >= STATUS_SECONDS
        if not queues or not (due or queues.keys() - self._said.keys()):
            return
        self._counted_at = self._clock.boottime()
        found = await self._count()
        news = self._news(found)
        for name, status in news[:MOST]:
            if not self._leader.may_write():
                return
            await self._write(name, status)

    async def _count(self) -> dict[Name, Occupancy]:
        queues, policy = self._store.queues.objects, self._store.policy
        found = {name: Occupancy() for name in queues}
        for number, task in enumerate(list(self._store.tasks.values()), 1):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            occupancy = found.get((task.namespace, task.queue))
            if occupancy is None or task.status.state.terminal:
                continue
            if task.status.state is State.PENDING:
                verdict = self._store.waitlist.backlog.verdict(task.key)
                reason = (verdict and verdict.reason) or self._notes.reason(task.key) or str(task.status.reason)
                occupancy.wait(reason, None if task.suspend else waiting_since(task))
            else:
                template = resolve(task, policy)
                occupancy.hold(assigned(template, task.status).requests if template is not None else {})
        return found

    def _news(self, found: dict[Name, Occupancy]) -> list[tuple[Name, QueueStatus]]:
        """What is to be written, that first which has waited for it longest."""
        now, news = self._clock.boottime(), []
        for name, occupancy in found.items():
            queue = self._store.queues.objects.get(name)
            if queue is None:
                continue
            said = self._said.setdefault(name, _Said())
            admitted = said.rate.take(self._store.queues.admitted[name], now)
            before = said.status.conditions if said.status is not None else ()
            status = occupancy.status(queue, admitted, before, self._clock.now())
            if status != said.status and now - said.at >= STATUS_SECONDS:
                news.append((name, status))
        news.sort(key=lambda item: self._said[item[0]].at)
        return news

    async def _write(self, name: Name, status: QueueStatus) -> None:
        said = self._said[name]
        said.at = self._clock.boottime()
        try:
            await self._objects.write_queue_status(name, status, self._clock.now())
        except NotFound:
            log.info("the TaskQueue %s is gone", "/".join(name))
        except ClusterError as error:
            said.status = None
            log.warning("the status of TaskQueue %s was not written: %s", "/".join(name), error)
        else:
            said.status = status
