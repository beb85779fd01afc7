"""Samples that are lost, frozen, of another time or nonsense: from what metrics.k8s.io answers to what is told."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

from loadstar.api.times import format_time
from loadstar.core import coverage
from loadstar.core.classes import expected
from loadstar.core.metering import Source
from loadstar.core.model import Condition
from loadstar.core.nodes import Charge
from loadstar.core.placement import Placed, place
from loadstar.core.standing import standings
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.reader import Reader
from loadstar.runtime.report import freshness
from loadstar.runtime.store import Store
from loadstar.sources.metrics_server import PATH, MetricsServer
from tests.unit.core.builders import NOW, request, view
from tests.unit.runtime.fakes import FakeClock
from tests.unit.sources.doubles import FakeWeb

NODES = [f"n{number}" for number in range(8)]
EVERY = 15
Spoil = Callable[[str, dict[str, Any]], dict[str, Any] | None]
"""What becomes of a node's sample; None: it is lost."""


class Cluster:
    """Eight nodes of four cores, all a third in use, read every 15 seconds."""

    def __init__(self) -> None:
        self.clock, self.store, self.web = FakeClock(NOW), Store(), FakeWeb({})
        for name in NODES:
            self.store.apply_node(view(name).node)
        source = MetricsServer("https://api", self.web)
        cycle = Cycle(self.store, self.clock, lambda _: None)
        self.reader = Reader(Source.METRICS_SERVER, source, ("cpu", "memory"), self.store, cycle, self.clock)
        self.readings = 0
        self.told: dict[str, Condition] = {}

    async def read(self, spoil: Spoil, times: int = 1) -> None:
        """So many readings, and what is told after the last."""
        for _ in range(times):
            self.clock.time += EVERY
            items = [kept for name in NODES if (kept := spoil(name, self.sample(name)))]
            self.web.answers[PATH] = json.dumps({"items": items}).encode()
            self.reader._judge(await self.reader._read())
            self.readings += 1
        snapshot = self.store.snapshot(self.clock.now())
        verdicts = {Source.METRICS_SERVER: self.reader.verdict}
        told = (freshness(standings(snapshot), None, NOW), *coverage.conditions(snapshot, verdicts, ()))
        self.told = {condition.type: condition for condition in told}

    def sample(self, name: str, age: float = 2) -> dict[str, Any]:
        usage = {"cpu": "1333m", "memory": "2Gi"}
        moment = format_time(self.clock.now() - age)
        return {"metadata": {"name": name}, "timestamp": moment, "window": "15s", "usage": usage}

    def placed(self, count: int = 80) -> dict[str, int]:
        """How many Tasks of a burst each node gets."""
        counts = dict.fromkeys(NODES, 0)
        for number in range(count):
            own = request(uid=f"{self.readings}-{number}")
            decision = place(own, self.store.snapshot(self.clock.now()))
            assert isinstance(decision, Placed)
            counts[decision.node or ""] += 1
            requests = own.template.worker.requests
            self.store._ledger.put(own.task_uid, Charge(decision.node or "", requests, expected(requests)))
        for number in range(count):
            self.store._ledger.drop(f"{self.readings}-{number}")
        return counts

    def says(self, kind: str) -> tuple[str, str]:
        return self.told[kind].status, self.told[kind].reason


def well(_: str, sample: dict[str, Any]) -> dict[str, Any]:
    return sample


def even(counts: dict[str, int], names: Iterable[str] = NODES) -> bool:
    """These nodes have about as many each, and the others none."""
    listed = set(names)
    share = sum(counts.values()) / len(listed)
    return all(0.7 * share <= counts[name] <= 1.3 * share if name in listed else not counts[name] for name in counts)


async def test_half_of_all_samples_lost() -> None:
    """Of each reading another half is lost: nodes go by their last sample, so nothing is unknown and the spread holds;
    who is missing is told, and that all is well again.
    """
    cluster, dice = Cluster(), random.Random(1)
    await cluster.read(well)
    for _ in range(20):
        lost = set(dice.sample(NODES, 4))
        await cluster.read(lambda name, sample, lost=lost: None if name in lost else sample)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        assert even(cluster.placed())
        assert cluster.says("MetricsServerReady") == ("False", "NodesMissing")
        assert cluster.told["MetricsServerReady"].message.endswith(", ".join(sorted(lost)))
        assert cluster.says("LoadDataFresh") == ("True", "Measured")
    await cluster.read(well)
    assert cluster.says("MetricsServerReady") == cluster.says("MetricsReady") == ("True", "Measured")


async def test_one_node_frozen() -> None:
    """A sample that is served on and on: the source is well, and yet the node is unknown after staleSeconds and gets
    nothing while others can take it; until it moves again.
    """
    cluster = Cluster()
    frozen: dict[str, Any] = {}

    def freeze(name: str, sample: dict[str, Any]) -> dict[str, Any]:
        return frozen.setdefault(name, sample) if name == "n0" else sample

    await cluster.read(freeze, 12)
    assert cluster.says("LoadDataFresh") == ("True", "Measured")
    await cluster.read(freeze)
    assert cluster.says("MetricsServerReady") == ("True", "Measured")
    assert cluster.says("LoadDataFresh") == ("False", "NoFreshSample")
    assert cluster.told["LoadDataFresh"].message == "1/8 open nodes without a fresh load sample: n0"
    assert cluster.says("MetricsReady") == ("False", "SamplesMissing")
    assert even(cluster.placed(), NODES[1:])
    await cluster.read(well)
    assert cluster.says("LoadDataFresh") == ("True", "Measured")
    assert even(cluster.placed())


async def test_clocks_are_skewed() -> None:
    """Some seconds make no difference; minutes make a node unmeasured, behind as ahead, and not idle."""
    cluster = Cluster()
    off = {"n1": 20.0, "n2": -50.0, "n3": 600.0, "n4": -600.0}
    await cluster.read(lambda name, _: cluster.sample(name, off.get(name, 2)), 4)
    assert cluster.says("LoadDataFresh") == ("False", "NoFreshSample")
    assert cluster.told["LoadDataFresh"].message.endswith(": n3, n4")
    assert even(cluster.placed(), set(NODES) - {"n3", "n4"})


async def test_nonsense() -> None:
    """NaN, infinity, less than nothing, absurd and no numbers at all: the node keeps its last good sample until that
    is stale, is named as missing, and the others are measured.
    """
    cluster = Cluster()
    await cluster.read(well)
    values: list[Any] = ["NaN", "-1", "Infinity", "1e30", "", None, [], "0x7"]

    def spoil(name: str, sample: dict[str, Any]) -> dict[str, Any]:
        bad = values[cluster.readings % len(values)]
        usage = {"cpu": bad, "memory": bad} if cluster.readings % 2 else {"cpu": "1", "memory": bad}
        return sample | {"usage": usage} if name in {"n0", "n1"} else sample

    for _ in range(10):
        await cluster.read(spoil)
        assert cluster.says("MetricsServerReady") == ("False", "NodesMissing")
        assert cluster.told["MetricsServerReady"].message.endswith("has 6 of 8 Ready nodes, not n0, n1")
        assert cluster.says("LoadDataFresh") == ("True", "Measured")
        assert even(cluster.placed())
    await cluster.read(spoil, 4)
    assert cluster.says("LoadDataFresh") == ("False", "NoFreshSample")
    assert even(cluster.placed(), NODES[2:])
