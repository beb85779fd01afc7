"""Turns to be deleted: few a second, in order, and none lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from loadstar.runtime.expiry import BATCH, TURN_SECONDS, Expiry
from loadstar.runtime.store import Key
from tests.unit.runtime.fakes import FakeClock

KEYS = [("ns", f"t{number}") for number in range(3 * BATCH)]


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.batches: list[list[Key]] = []
        self.expiry = Expiry(self.touch, self.clock)

    def touch(self, keys: Iterable[Key]) -> None:
        if found := list(keys):
            self.batches.append(found)

    @asynccontextmanager
    async def running(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
        """Time goes on by as much as is slept."""
        sleep = asyncio.sleep

        async def pass_by(seconds: float) -> None:
            self.clock.time += seconds
            await sleep(0)

        monkeypatch.setattr(asyncio, "sleep", pass_by)
        task = asyncio.create_task(self.expiry.run())
        try:
            yield
        finally:
            monkeypatch.undo()
            task.cancel()

    async def until(self, count: int) -> None:
        for _ in range(1000):
            if sum(map(len, self.batches)) >= count:
                return
            await asyncio.wait([asyncio.create_task(_nothing())])
        raise AssertionError(self.batches)


async def _nothing() -> None:
    return None


async def test_many_that_are_due_have_their_turns_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded number together, the earliest first, the rest later: a hundred a second at most."""
    world = World()
    for number, key in enumerate(KEYS):
        world.expiry.add(key, number / 1000)
    world.clock.time += 1
    begun = world.clock.time
    async with world.running(monkeypatch):
        await world.until(len(KEYS))
    assert [len(batch) for batch in world.batches] == [BATCH] * 3
    assert [key for batch in world.batches for key in batch] == KEYS
    assert world.clock.time - begun > 0.25
    assert len(world.expiry) == 0


async def test_who_is_due_without_a_turn_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new leader finds thousands that are over: none is deleted but in its turn, and a turn is good once."""
    world = World()
    assert not world.expiry.turn(KEYS[0])
    async with world.running(monkeypatch):
        await world.until(1)
    assert world.batches == [[KEYS[0]]]
    assert world.expiry.turn(KEYS[0])
    assert not world.expiry.turn(KEYS[0])


async def test_the_latest_word_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time to live that is edited, and a Task that is gone."""
    world = World()
    world.expiry.add(KEYS[0], 1)
    world.expiry.add(KEYS[0], 5)
    world.expiry.add(KEYS[1], 1)
    world.expiry.forget(KEYS[1])
    begun = world.clock.time
    async with world.running(monkeypatch):
        await world.until(1)
    assert world.batches == [[KEYS[0]]]
    assert world.clock.time - begun >= 5


async def test_a_time_that_is_cut_short_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is due earlier than was said gets a turn now, and one."""
    world = World()
    world.expiry.add(KEYS[0], 3600)
    assert not world.expiry.turn(KEYS[0])
    assert not world.expiry.turn(KEYS[0])
    begun = world.clock.time
    async with world.running(monkeypatch):
        await world.until(1)
    assert world.batches == [[KEYS[0]]]
    assert world.clock.time - begun < 10
    assert len(world.expiry) == 0


async def test_a_turn_that_nobody_takes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What became of a Task meanwhile is not known: it asks for another turn."""
    world = World()
    world.expiry.add(KEYS[0], 0)
    world.expiry.add(KEYS[1], TURN_SECONDS + 5)
    async with world.running(monkeypatch):
        await world.until(2)
    assert not world.expiry.turn(KEYS[0])
    assert world.expiry.turn(KEYS[1])


def test_times_that_do_not_hold_any_more_are_not_kept() -> None:
    """However often a Task is looked at, its time is kept about once."""
    world = World()
    for number in range(1000):
        world.expiry.add(KEYS[number % 2], 100 + number)
    assert len(world.expiry._order) <= 2 * len(world.expiry) + BATCH
    world.expiry.clear()
    assert (len(world.expiry), world.expiry._order) == (0, [])
