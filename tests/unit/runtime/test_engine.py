"""The engine over a fake cluster: four writes a Task, and every refusal survived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from loadstar.core.model import Phase, Pod, Task, TaskStatus
from loadstar.core.reasons import Reason
from loadstar.core.reconcile import reconcile
from loadstar.core.result import NO_RESULTS
from loadstar.core.states import State
from loadstar.core.template import Template
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.engine import Engine
from loadstar.runtime.expiry import BATCH, EVERY_SECONDS
from loadstar.runtime.leader import Leader
from loadstar.runtime.ports import ClusterError, Conflict, Forbidden, Invalid, Throttled, Unavailable
from loadstar.runtime.store import Key, Store
from loadstar.runtime.workqueue import WorkQueue
from loadstar.runtime.writer import Writer
from tests.unit.core.builders import task, view
from tests.unit.runtime.fakes import FakeCluster, FakeLeases, LoopClock

KEY = ("ns", "t")


@dataclass
class World:
    cluster: FakeCluster = field(default_factory=FakeCluster)
    store: Store = field(default_factory=Store)

    def add(self, one: Task) -> None:
        self.cluster.tasks[one.key] = one
        self.engine.touch(self.store.apply_task(one))

    def see(self, name: str, phase: Phase, **fields: object) -> None:
        self.engine.touch(self.store.apply_pod(self.cluster.run_pod(name, phase, **fields)))

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not done():  # noqa: ASYNC110 - the world has no event for it
                await asyncio.sleep(0.01)

    def state(self) -> State:
        return self.cluster.tasks[KEY].status.state

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[World]:
        clock = LoopClock()
        self.leases = FakeLeases()
        self.store.apply_node(view("a").node)
        queue: WorkQueue[Key] = WorkQueue(clock.boottime)
        leader = Leader(self.leases, "me", clock)
        cycle = Cycle(self.store, clock, queue.add)
        self.engine = Engine(self.store, queue, cycle, Writer(self.cluster, self.store, leader, clock), leader, clock)
        running = [asyncio.create_task(leader.run()), asyncio.create_task(self.engine.run(4))]
        try:
            yield self
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def test_a_task_costs_four_writes() -> None:
    """ASSIGNED, the Pod, RUNNING, SUCCESS, and nothing else."""
    async with World().leading() as world:
        world.add(task())
        await world.until(lambda: bool(world.cluster.pods))
        world.see("t-01234-0-1", Phase.RUNNING)
        await world.until(lambda: world.state() is State.RUNNING)
        world.see("t-01234-0-1", Phase.SUCCEEDED, exit_code=0, finished=2.0)
        await world.until(lambda: world.state() is State.SUCCESS)
        await asyncio.sleep(0.1)
        assert world.cluster.writes == 4
        assert world.cluster.events == []


@pytest.mark.parametrize("error", [Conflict("c"), Unavailable("u"), Throttled("t", 0.1), ClusterError("odd")])
@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_refused_write_is_made_again(error: ClusterError, at: int) -> None:
    """Whichever write fails, and however: the Task still ends, with one Pod."""
    async with World().leading() as world:
        world.cluster.faults = [error] if at == 0 else []
        world.add(task())
        if at == 1:
            await world.until(lambda: world.state() is State.ASSIGNED or not world.cluster.faults)
            world.cluster.faults = [] if world.cluster.pods else [error]
        await world.until(lambda: bool(world.cluster.pods))
        if at == 2:
            world.cluster.faults = [error]
        world.see("t-01234-0-1", Phase.RUNNING)
        world.see("t-01234-0-1", Phase.SUCCEEDED, exit_code=0, finished=2.0)
        await world.until(lambda: world.state() is State.SUCCESS)
        assert world.cluster.created == ["t-01234-0-1"]


async def test_nothing_is_written_without_the_lease() -> None:
    """A replica that lost the lease writes nothing, and goes on when it has it again."""
    async with World().leading() as world:
        await world.until(lambda: world.leases.record is not None)
        world.engine._leader._fence = float("-inf")
        world.leases.away = True
        before = world.cluster.writes
        world.add(task())
        await asyncio.sleep(0.5)
        assert world.cluster.writes == before
        world.leases.away = False
        await world.until(lambda: bool(world.cluster.pods))


async def test_one_bad_task_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in one Task's decision concerns that Task alone."""
    real = reconcile

    def poisoned(seen: object, now: float) -> object:
        if seen.task.name == "bad":  # type: ignore[attr-defined] # a View
            raise RuntimeError("poison")
        return real(seen, now)  # type: ignore[arg-type] # a View

    monkeypatch.setattr("loadstar.runtime.engine.reconcile", poisoned)
    async with World().leading() as world:
        world.add(task(name="bad", uid="bad"))
        world.add(task())
        await world.until(lambda: bool(world.cluster.pods))


class StrictCluster(FakeCluster):
    """Takes no status with attempts, refuses the first Pod although it makes it, and shows that one late."""

    reads = 0
    late: Pod | None = None

    async def write_status(self, task: Task, status: TaskStatus) -> Task:
        if status.attempts:
            raise Invalid("status.attempts: too long")
        return await super().write_status(task, status)

    async def create_pod(
        self,
        task: Task,
        template: Template,
        attempt: int,
        node: str,
        others: tuple[str, ...] = (),
        results: Mapping[str, str] = NO_RESULTS,
    ) -> Pod:
        made = await super().create_pod(task, template, attempt, node, others, results)
        if self.late is None:
            self.late = made
            raise Forbidden("exceeded quota")
        return made

    async def read_task(self, namespace: str, name: str) -> Task | None:
        self.reads += 1
        return await super().read_task(namespace, name)


async def test_a_late_pod_without_a_record_is_read_about_once() -> None:
    """The record of a refused attempt may be lost with a status that was too large: one look at the Task settles whose
    the Pod is that came through late, and it is taken up.
    """
    cluster = StrictCluster()
    async with World(cluster).leading() as world:
        world.add(task())
        await world.until(lambda: cluster.tasks[KEY].status.reason == Reason.POD_CREATE_FORBIDDEN)
        assert cluster.tasks[KEY].status.attempts == ()
        world.see("t-01234-0-1", Phase.RUNNING)
        await world.until(lambda: world.state() is State.RUNNING)
        assert (cluster.reads, cluster.tasks[KEY].status.attempt) == (1, 1)
        assert cluster.created == ["t-01234-0-1"]


async def test_a_task_is_deleted_when_its_time_is_over() -> None:
    """In its turn, also when it was over before anybody led."""
    async with World().leading() as world:
        status = TaskStatus(state=State.SUCCESS, completed=1.0)
        world.add(task(status, name="old", uid="old", ttl_seconds=1))
        world.add(task(status, name="kept", uid="kept"))
        await world.until(lambda: ("ns", "old") not in world.cluster.tasks)
        assert ("ns", "kept") in world.cluster.tasks
        assert world.cluster.writes == 1


async def test_thousands_whose_time_is_over_hold_up_nobody() -> None:
    """They go at their pace, whatever there is of them, and a new Task gets its Pod meanwhile."""
    async with World().leading() as world:
        status = TaskStatus(state=State.SUCCESS, completed=1.0)
        for number in range(2000):
            world.add(task(status, name=f"old-{number}", uid=f"old-{number}", ttl_seconds=1))
        begun = asyncio.get_running_loop().time()
        world.add(task())
        await world.until(lambda: bool(world.cluster.pods))
        most = (asyncio.get_running_loop().time() - begun) / EVERY_SECONDS * BATCH + BATCH
        assert 2001 - len(world.cluster.tasks) <= most
        await world.until(lambda: len(world.cluster.tasks) < 2001)
