"""One source of load, read again and again: what is believed, forgotten and said."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from loadstar.core.coverage import UNREAD, Verdict
from loadstar.core.metering import Source
from loadstar.core.model import Load, Sample
from loadstar.core.placement import Placed, place
from loadstar.core.policy import Policy
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.ports import ClusterError, Forbidden, Misconfigured, NotFound, Throttled, Unavailable
from loadstar.runtime.reader import AT_ONCE, Reader, believed
from loadstar.runtime.store import Store
from tests.unit.core.builders import NOW, load, request, view
from tests.unit.runtime.fakes import FakeClock
from tests.unit.runtime.sources import WELL, FakeSource

ALL = ("cpu", "memory", "io", "load1", "io_pressure")


def sample(value: float, source: str = "test") -> Sample:
    return Sample(value, NOW, 15, source)


class Bench:
    """A reader with all that is around it; `read` lets it read once."""

    def __init__(self, source: FakeSource, *resources: str) -> None:
        self.clock, self.store = FakeClock(NOW), Store()
        self.store.apply_node(view("a").node)
        self.store.policy = Policy(period_seconds=5)
        cycle = Cycle(self.store, self.clock, lambda _: None)
        self.reader = Reader(Source.KUBELET, source, resources or ALL, self.store, cycle, self.clock)

    async def read(self) -> Verdict:
        begun = self.clock.boottime()
        self.reader._judge(self.reader._paced(await self.reader._read(), self.clock.boottime() - begun))
        return self.reader.verdict

    def load(self) -> Load | None:
        return self.store.snapshot(NOW).nodes["a"].load


def test_a_sample_from_the_future_is_not_believed() -> None:
    """It would never grow old, and no honest one could follow it; the other resources of the node stand."""
    measured = load(1, 1, 0.5, timestamp=NOW)
    ahead = replace(measured, io=Sample(0.5, NOW + 1, 15, "test"))
    assert believed(ahead, ALL, NOW) == replace(measured, io=None)


async def test_only_what_it_is_named_for_is_taken() -> None:
    """A source may measure more than the policy takes from it."""
    bench = Bench(FakeSource({"a": load(1, 2, 0.5)}), "io")
    assert await bench.read() == WELL
    kept = bench.load()
    assert kept is not None
    assert (kept.cpu, kept.memory, kept.io) == (None, None, load(1, 2, 0.5).io)


async def test_only_ready_nodes_are_asked() -> None:
    """A node that is not Ready would only cost a time-out."""
    source = FakeSource()
    bench = Bench(source)
    bench.store.apply_node(replace(view("b").node, ready=False))
    await bench.read()
    assert source.asked == [{"a"}]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("x"), "NoAnswer"),
        (Forbidden("x"), "Forbidden"),
        (NotFound("x"), "NotServed"),
        (Throttled("x", 1), "Throttled"),
        (Misconfigured("x"), "Misconfigured"),
        (RuntimeError("x"), "Fault"),
    ],
)
async def test_a_failure_is_a_verdict_and_samples_stay(error: ClusterError, reason: str) -> None:
    """Whatever goes wrong, the last samples stay and grow old, and it is said; when it is over, that too."""
    source = FakeSource({"a": load(1, 2)})
    bench = Bench(source)
    assert bench.reader.verdict == UNREAD
    await bench.read()
    source.answer = error
    verdict = await bench.read()
    assert (verdict.ready, verdict.reason) == (False, reason)
    assert bench.load() == load(1, 2)
    source.answer = WELL
    assert await bench.read() == WELL


async def test_what_another_source_measured_gives_way() -> None:
    """An edited policy: old samples of a resource go, on every node, when the new source first measures it."""
    source = FakeSource({"a": Load(sample(5), None, None)})
    bench = Bench(source, "cpu", "io")
    bench.store.apply_node(view("b").node)
    bench.store.apply_loads({name: Load(sample(1), sample(2), sample(0.5)) for name in "ab"})
    await bench.read()
    assert bench.load() == Load(sample(5), sample(2), sample(0.5))
    other = bench.store.snapshot(NOW).nodes["b"].load
    assert other == Load(None, sample(2), sample(0.5))


async def test_what_it_cannot_measure_is_forgotten_after_two_readings() -> None:
    """A rate needs two; what does not come then does not come, and the former source's value would be a lie."""
    bench = Bench(FakeSource(), "io")
    bench.store.apply_loads({"a": Load(sample(1), None, sample(0.5))})
    await bench.read()
    assert bench.load() == Load(sample(1), None, sample(0.5))
    await bench.read()
    assert bench.load() == Load(sample(1), None, None)


async def test_a_source_that_never_answers_lets_samples_grow_old() -> None:
    """Only an answer says that something is not measured."""
    bench = Bench(FakeSource(answer=Unavailable("away")), "io")
    bench.store.apply_loads({"a": Load(None, None, sample(0.5))})
    for _ in range(3):
        await bench.read()
    assert bench.load() == Load(None, None, sample(0.5))


async def test_to_be_late_is_said() -> None:
    """A reading that takes longer than the policy's period says so, unless there is worse to say."""
    source = FakeSource()
    bench = Bench(source)

    def late() -> None:
        bench.clock.time += 6

    source.before = late
    verdict = await bench.read()
    assert (verdict.ready, verdict.reason) == (False, "TooSlow")
    assert "longer than the 5 s" in verdict.message
    source.answer = Verdict(False, "NodesMissing", "b")
    assert (await bench.read()).reason == "NodesMissing"
    source.answer, source.pause = WELL, 10.0
    assert (await bench.read()) == WELL


async def test_samples_of_many_nodes_let_others_have_their_turn() -> None:
    """Thousands of nodes are taken in some at a time, and a placement between finds those in order that are in."""
    names = [f"n{number}" for number in range(5 * AT_ONCE)]
    bench = Bench(FakeSource({name: load(1 + int(name[1:]) / 1000, 1) for name in reversed(names)}))
    for name in names:
        bench.store.apply_node(view(name).node)
    fresh: list[int] = []

    async def others() -> None:
        while len(fresh) < 20:
            nodes = bench.store.snapshot(NOW).nodes
            fresh.append(sum(nodes[name].load is not None for name in names))
            decision = place(request(), bench.store.snapshot(NOW))
            assert isinstance(decision, Placed)
            assert decision.node == f"n{len(names) - fresh[-1]}" or not fresh[-1]
            await asyncio.sleep(0)

    await asyncio.gather(bench.read(), others())
    assert {AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE, 4 * AT_ONCE, 5 * AT_ONCE} <= set(fresh)
