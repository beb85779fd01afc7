"""The policy names sources; each is read by itself, and an edit acts at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from loadstar.core.coverage import Verdict
from loadstar.core.metering import KubeletReading, Metering, Source, Sources
from loadstar.core.model import Load, Sample
from loadstar.core.policy import Policy
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.loads import Loads
from loadstar.runtime.ports import Unavailable
from loadstar.runtime.store import Store
from tests.unit.core.builders import NOW, load, view
from tests.unit.runtime.fakes import LoopClock
from tests.unit.runtime.sources import WELL, FakeSource

IO = Metering(Sources(io=Source.KUBELET))


class World:
    """Loads over a store with one node; every source that is built is kept."""

    def __init__(self) -> None:
        self.built: list[tuple[Source, FakeSource]] = []
        self.answers: dict[Source, FakeSource] = {}
        self.store, self.clock = Store(), LoopClock()
        self.store.apply_node(view("a").node)
        self.loads = Loads(self.build, self.store, Cycle(self.store, self.clock, lambda _: None), self.clock)

    def build(self, source: Source, metering: Metering) -> FakeSource:
        made = FakeSource({"a": load(1, 2, 0.5, timestamp=0)})
        self.built.append((source, made))
        return self.answers.get(source, made)

    async def edit(self, metering: Metering, hot: float = 0.85) -> None:
        self.store.policy = replace(Policy(), metering=metering, hot=hot)
        self.loads.edited()
        await asyncio.sleep(0.02)

    def load(self) -> Load | None:
        return self.store.snapshot(NOW).nodes["a"].load


@asynccontextmanager
async def running(*metering: Metering) -> AsyncIterator[World]:
    world = World()
    world.store.policy = replace(Policy(), metering=metering[0] if metering else Metering())
    task = asyncio.create_task(world.loads.run())
    await asyncio.sleep(0.02)
    yield world
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(source.closed for _, source in world.built)


async def test_without_a_word_metrics_server_is_read() -> None:
    """CPU and memory from metrics.k8s.io; I/O is unknown although this one would have it."""
    async with running() as world:
        assert [source for source, _ in world.built] == [Source.METRICS_SERVER]
        kept = world.load()
        assert kept is not None
        assert (kept.cpu is not None, kept.memory is not None, kept.io) == (True, True, None)
        assert world.loads.verdicts == {Source.METRICS_SERVER: WELL}


async def test_an_edit_acts_at_once() -> None:
    """A named source is read at once, one that is not named any more is closed and its samples forgotten."""
    async with running() as world:
        await world.edit(IO)
        kept = world.load()
        assert kept is not None
        assert kept.io is not None
        assert set(world.loads.verdicts) == {Source.METRICS_SERVER, Source.KUBELET}
        kubelet = world.built[1][1]
        await world.edit(Metering())
        kept = world.load()
        assert kept is not None
        assert (kept.io, kept.cpu is not None) == (None, True)
        assert kubelet.closed == 1
        assert set(world.loads.verdicts) == {Source.METRICS_SERVER}


async def test_only_what_is_edited_starts_anew() -> None:
    """Counters of the others live on: a new period or another source's settings are no reason to lose them."""
    async with running(IO) as world:
        await world.edit(IO, hot=0.5)
        assert len(world.built) == 2
        await world.edit(replace(IO, kubelet=KubeletReading(concurrency=1)))
        assert [source for source, _ in world.built] == [Source.METRICS_SERVER, Source.KUBELET, Source.KUBELET]


async def test_one_source_holds_up_no_other() -> None:
    """One that fails, and one that never ends: the third is read, and each has its own verdict."""
    world = World()
    world.answers[Source.METRICS_SERVER] = FakeSource(answer=Unavailable("away"))
    world.store.policy = replace(Policy(), metering=Metering(Sources(io=Source.KUBELET, load1=Source.PROMETHEUS)))

    class Endless(FakeSource):
        async def read(self, nodes: object, take: object) -> Verdict:
            await asyncio.Event().wait()
            return WELL

    world.answers[Source.PROMETHEUS] = Endless()
    task = asyncio.create_task(world.loads.run())
    await asyncio.sleep(0.02)
    verdicts = world.loads.verdicts
    assert {source: verdict.ready for source, verdict in verdicts.items()} == {
        Source.METRICS_SERVER: False,
        Source.KUBELET: True,
        Source.PROMETHEUS: None,
    }
    kept = world.load()
    assert kept is not None
    assert isinstance(kept.io, Sample)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
