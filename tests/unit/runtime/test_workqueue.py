"""The queue of keys."""

from __future__ import annotations

import asyncio

import pytest

from loadstar.runtime.workqueue import WorkQueue
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
