"""Queues' statuses: right, only the leader's, when they are news, and never faster than a rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from loadstar.core.instructions import Wait
from loadstar.core.model import TaskStatus
from loadstar.core.occupancy import QueueStatus
from loadstar.core.queues import TaskQueue
from loadstar.core.reasons import Reason
from loadstar.core.resources import Resources
from loadstar.core.states import State
from loadstar.runtime.leader import Leader
from loadstar.runtime.notes import Notes
from loadstar.runtime.ports import ClusterError, NotFound, Unavailable
from loadstar.runtime.queue_report import MOST, STATUS_SECONDS, QueueReport
from loadstar.runtime.queues import Name
from loadstar.runtime.store import Store
from tests.unit.core.builders import NOW, task
from tests.unit.runtime.fakes import FakeClock, FakeLeases

Q: Name = ("ns", "q")


@dataclass
class Objects:
    """What was written."""

    written: list[tuple[Name, QueueStatus]] = field(default_factory=list)
    faults: list[ClusterError] = field(default_factory=list)

    async def write_queue_status(self, name: Name, status: QueueStatus, now: float) -> None:
        del now
        if self.faults:
            raise self.faults.pop(0)
        self.written.append((name, status))


class Bench:
    """A report of a leader over a store of its own."""

    def __init__(self, *queues: TaskQueue) -> None:
        self.clock, self.store, self.notes, self.objects = FakeClock(NOW), Store(), Notes(), Objects()
        for queue in queues or (TaskQueue(*Q),):
            self.store.queues.put(queue)
        self.leader = Leader(FakeLeases(), "me", self.clock)
        self.report = QueueReport(self.objects, self.store, self.notes, self.leader, self.clock)
        self.number = 0

    async def lead(self) -> Bench:
        await self.leader._try()
        assert self.leader.may_write()
        return self

    def put(self, status: TaskStatus | None = None, **fields: Any) -> None:
        """One more Task of the queue."""
        self.number += 1
        name = f"t{self.number}"
        self.store.apply_task(task(status, name=name, uid=name, **{"queue": "q", **fields}))

    async def after(self, seconds: float) -> list[tuple[Name, QueueStatus]]:
        """What another look writes."""
        self.clock.time += seconds
        await self.leader._try()
        before = len(self.objects.written)
        await self.report.step()
        return self.objects.written[before:]


async def test_counts_are_right() -> None:
    """Waiting Tasks by the reason that holds now, those with a node with what they ask for; others' Tasks not."""
    bench = await Bench().lead()
    bench.put(created=NOW - 50)
    bench.put(created=NOW - 40)
    bench.put(suspend=True, created=NOW - 90)
    bench.put(TaskStatus(state=State.RUNNING))
    learned = Resources({"cpu": 100, "memory": 64 * 2**20}, {"cpu": 40, "memory": 64 * 2**20})
    bench.put(TaskStatus(state=State.ASSIGNED, resources=learned))
    bench.put(TaskStatus(state=State.SUCCESS))
    bench.put(queue="default")
    bench.put(namespace="other")
    bench.notes.take(("ns", "t1"), Wait(Reason.WAITING_FOR_CAPACITY, "full"), Reason.QUEUED, NOW)
    bench.notes.take(("ns", "t3"), Wait(Reason.SUSPENDED, "suspended"), Reason.QUEUED, NOW)
    ((name, status),) = await bench.after(0)
    assert name == Q
    assert (status.pending, status.running) == (3, 2)
    assert dict(status.reasons) == {"WaitingForCapacity": 1, "Queued": 1, "Suspended": 1}
    assert status.used == {"cpu": 140, "memory": 128 * 2**20}
    assert status.oldest == NOW - 50


async def test_only_news_is_written_and_not_before_its_time() -> None:
    """At rest nothing is written; a change is, 15 s after the last write at the earliest."""
    bench = await Bench().lead()
    assert len(await bench.after(0)) == 1
    assert await bench.after(STATUS_SECONDS) == []
    bench.put()
    assert await bench.after(1) == []
    ((_, status),) = await bench.after(STATUS_SECONDS)
    assert status.pending == 1
    assert await bench.after(3600) == []


async def test_a_new_queue_is_reported_at_once_and_holds_no_other_up() -> None:
    """Without waiting for the next round, in which the others have their turn."""
    bench = await Bench().lead()
    await bench.after(0)
    bench.put()
    bench.store.queues.put(TaskQueue("ns", "new"))
    assert [name for name, _ in await bench.after(1)] == [("ns", "new")]
    assert [name for name, _ in await bench.after(STATUS_SECONDS)] == [Q]


async def test_an_edit_is_told() -> None:
    """Another generation is news even where all else is as it was."""
    bench = await Bench().lead()
    await bench.after(0)
    bench.store.queues.put(TaskQueue(*Q, suspend=True, generation=2))
    ((_, status),) = await bench.after(STATUS_SECONDS)
    assert status.generation == 2
    assert (status.conditions[0].status, status.conditions[0].changed) == ("False", NOW + STATUS_SECONDS)


async def test_admissions_fade_after_a_minute() -> None:
    """Tasks that got a node count for a minute, also when they have ended since."""
    bench = await Bench().lead()
    await bench.after(0)
    bench.put()
    one = bench.store.tasks["ns", "t1"]
    for version, state in enumerate((State.ASSIGNED, State.RUNNING, State.SUCCESS), 2):
        status = TaskStatus(state=state)
        bench.store.apply_task(task(status, name="t1", uid=one.uid, queue="q", resource_version=str(version)))
    ((_, said),) = await bench.after(STATUS_SECONDS)
    assert (said.admitted, said.running) == (1, 0)
    for _ in range(3):
        assert await bench.after(STATUS_SECONDS) == []
    ((_, said),) = await bench.after(STATUS_SECONDS)
    assert said.admitted == 0


async def test_many_queues_take_turns() -> None:
    """A round has a most of writes; who did not come is first in the next one."""
    bench = await Bench(*(TaskQueue("ns", f"q{number:03}") for number in range(MOST + 10))).lead()
    first = {name for name, _ in await bench.after(0)}
    assert len(first) == MOST
    second = [name for name, _ in await bench.after(STATUS_SECONDS)]
    assert len(second) == 10
    assert not first & set(second)


async def test_refusals_concern_one_queue_and_are_made_good() -> None:
    """A queue that is gone, or an API server that is away, keeps no other waiting; what failed is written later."""
    bench = await Bench(TaskQueue("ns", "a"), TaskQueue("ns", "b"), TaskQueue("ns", "c")).lead()
    bench.objects.faults = [NotFound("a"), Unavailable("away")]
    assert [name for name, _ in await bench.after(0)] == [("ns", "c")]
    assert [name for name, _ in await bench.after(STATUS_SECONDS)] == [("ns", "a"), ("ns", "b")]


async def test_who_lost_the_lease_writes_no_more() -> None:
    """Not even the rest of a round."""
    bench = await Bench().lead()
    bench.clock.time += 3600
    await bench.report.step()
    assert bench.objects.written == []
