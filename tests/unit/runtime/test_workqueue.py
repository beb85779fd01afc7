"""The queue of keys."""

from __future__ import annotations

import asyncio

import pytest

from loadstar.runtime.workqueue import URGENT_IN_A_ROW, WorkQueue
from tests.unit.runtime.fakes import FakeClock


async def test_a_key_is_queued_once_and_never_worked_on_twice() -> None:
    """Adding a busy key makes it come again, after it is done."""
    queue: WorkQueue[str] = WorkQueue(FakeClock().boottime)
    queue.add("a")
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_delayed_keys_come_when_due_and_the_earlier_time_stands() -> None:
    """A delay is a time, not a turn."""
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock.boottime)
    queue.add("late", 100)
    queue.add("late", 10)
    queue.add("late", 50)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.05)
    clock.time += 10
    assert await asyncio.wait_for(queue.get(), 1) == "late"
    queue.done("late")
    assert queue.delayed == 0


async def test_back_off_doubles_and_success_forgets() -> None:
    """Each failure waits twice as long; a success starts over."""
    queue: WorkQueue[str] = WorkQueue(FakeClock().boottime)
    waits = [queue.fail("a") for _ in range(3)]
    assert waits == [0.05, 0.1, 0.2]
    queue.succeed("a")
    assert queue.fail("a") == 0.05


async def test_what_failed_waits_whoever_asks() -> None:
    """A key that failed is not worked on before its time, however often it is added meanwhile."""
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock.boottime)
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.fail("a", at_least=5)
    queue.done("a")
    queue.add("a")
    assert len(queue) == 0
    clock.time += 5
    assert await asyncio.wait_for(queue.get(), 1) == "a"


async def test_each_key_wakes_one_worker_and_none_is_forgotten() -> None:
    """Workers that wait, and one that is cancelled while it was woken: every key is worked on."""
    queue: WorkQueue[int] = WorkQueue(asyncio.get_running_loop().time)
    got: list[int] = []

    async def work() -> None:
        while True:
            key = await queue.get()
            got.append(key)
            queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(4)]
    await asyncio.sleep(0)
    workers[1].cancel()
    queue.add(0)
    workers[0].cancel()
    for key in range(1, 20):
        queue.add(key, 0.01 if key % 2 else 0.0)
    await asyncio.sleep(0.1)
    assert sorted(got) == list(range(20))
    for one in workers:
        one.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


async def test_urgent_keys_come_first_but_never_alone() -> None:
    """What lets work begin overtakes the rest, which still has its turn now and then."""
    queue: WorkQueue[str] = WorkQueue(FakeClock().boottime)
    for number in range(3):
        queue.add(f"tell-{number}")
    for number in range(2 * URGENT_IN_A_ROW):
        queue.add(f"begin-{number}", urgent=True)
    order = [await queue.get() for _ in range(len(queue))]
    assert order.index("tell-0") == URGENT_IN_A_ROW
    assert order.index("tell-1") == 2 * URGENT_IN_A_ROW + 1
    assert order[-1] == "tell-2"
