"""A thousand Tasks between two samples, and samples that are lost, frozen, skewed or nonsense."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from loadstar.core.classes import expected
from loadstar.core.ledger import Ledger
from loadstar.core.model import Load, NodeClass, Sample
from loadstar.core.nodes import Charge
from loadstar.core.placement import Placed, place
from loadstar.core.policy import Policy
from loadstar.core.scoring import score
from tests.unit.core.builders import GI, NOW, request, view, worker

POLICY = Policy()
TASKS = 1000


def cluster(cores: list[int], used: list[float], age: float = 5) -> Ledger:
    """Nodes of so many cores, 4 GiB each, used to these shares of CPU, memory to half of that."""
    book = Ledger()
    for number, (size, share) in enumerate(zip(cores, used, strict=True)):
        room = {"cpu": size * 1000, "memory": size * 4 * GI, "pods": 1000}
        book.put_node(replace(view(f"n{number}").node, allocatable=room))
        book.put_loads({f"n{number}": sampled(share * size, share / 2 * size * 4 * GI, NOW - age)})
    return book


def sampled(cpu: float, memory: float, timestamp: float) -> Load:
    return Load(Sample(cpu, timestamp, 15, "test"), Sample(memory, timestamp, 0, "test"), None)


def burst(book: Ledger, sizes: list[int], now: float = NOW) -> Counter[str]:
    """Place Tasks of so many millicores one after another, each charged; millicores by node."""
    placed: Counter[str] = Counter()
    for number, cpu in enumerate(sizes):
        own = request(uid=f"u{number}", worker=worker(cpu=cpu, memory=cpu * 2**20))
        decision = place(own, book.snapshot(POLICY, now))
        assert isinstance(decision, Placed)
        assert decision.node
        requests = own.template.worker.requests
        book.put(own.task_uid, Charge(decision.node, requests, expected(requests)))
        placed[decision.node] += cpu
    return placed


def level(cores: list[int], used: list[float], demand: float) -> float:
    """What an oracle reaches that could cut Tasks to pieces: the least largest share of CPU, as water finds it."""
    low, high = 0.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        holds = sum(max(0.0, middle - share) * size * 1000 for size, share in zip(cores, used, strict=True))
        low, high = (low, middle) if holds >= demand else (middle, high)
    return high


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("sizes", "shares"), [([16], [0.2]), ([4, 8, 16, 32], [0.0]), ([4, 8, 16, 32], [0.0, 0.1, 0.2, 0.35])]
)
@pytest.mark.parametrize("tasks", [[200], [50, 100, 200, 400]])
def test_a_burst_spreads_as_an_oracle_would(sizes: list[int], shares: list[float], tasks: list[int], seed: int) -> None:
    """A thousand Tasks within one period, no new sample: the fullest node is within a tenth of what is possible at all,
    on nodes alike and unlike, idle and loaded, for Tasks alike and unlike.
    """
    dice = random.Random(seed)
    cores, used = [dice.choice(sizes) for _ in range(50)], [dice.choice(shares) for _ in range(50)]
    asked = [dice.choice(tasks) for _ in range(TASKS)]
    placed = burst(cluster(cores, used), asked)
    share = [used[number] + placed[f"n{number}"] / (1000 * cores[number]) for number in range(50)]
    touched = [value for number, value in enumerate(share) if placed[f"n{number}"]]
    assert max(touched) <= 1.1 * level(cores, used, sum(asked))


def test_without_reservations_a_burst_goes_to_one_node() -> None:
    """What the reservations are for: by samples alone the node that was idlest when measured gets all of it."""
    book = cluster([16] * 10, [0.1 + number / 100 for number in range(10)])
    snapshot = book.snapshot(POLICY, NOW)
    nodes = {
        decision.node for number in range(50) if isinstance(decision := place(request(f"u{number}"), snapshot), Placed)
    }
    assert nodes == {"n0"}


def half_lost(book: Ledger, dice: random.Random) -> None:
    """Every second sample of the last minute did not come."""
    for name, load in list(book.loads.items()):
        if dice.random() < 0.5 and load.cpu and load.memory:
            book.loads.pop(name)
            old = NOW - 65
            book.nodes[name].load = None
            book.put_loads({name: sampled(load.cpu.value * dice.uniform(0.8, 1.2), load.memory.value, old)})


def test_half_of_all_samples_lost() -> None:
    """Nodes whose samples are a minute old are still used, a little less trusted: the spread stays within a quarter of
    what is possible, and nothing is unknown.
    """
    dice = random.Random(1)
    cores, used = [16] * 40, [dice.uniform(0, 0.4) for _ in range(40)]
    book = cluster(cores, used)
    half_lost(book, dice)
    placed = burst(book, [200] * TASKS)
    share = [used[number] + placed[f"n{number}"] / 16_000 for number in range(40)]
    assert max(share) <= 1.25 * level(cores, used, 200 * TASKS)
    assert all(predicted(book, name) is not NodeClass.UNKNOWN for name in book.nodes)


def predicted(book: Ledger, name: str, now: float = NOW) -> NodeClass:
    view, snapshot = book.nodes[name], book.snapshot(POLICY, now)
    return score(
        view, None, policy=POLICY, weights=POLICY.weights, prefers=(), now=now, fleet=snapshot.fleet
    ).node_class


def test_one_node_frozen() -> None:
    """A node whose sample stopped at idle attracts no flood: what ours add counts on, its sample fades to the mean of
    the fleet, and after staleSeconds it is the last choice.
    """
    book = cluster([16] * 10, [0.0] + [0.4] * 9)
    for now in (NOW, NOW + 60, NOW + 120):
        for number in range(1, 10):
            book.put_loads({f"n{number}": sampled(6.4, 12.8 * GI, now - 5)})
    assert burst(book, [100] * 5, NOW).keys() == {"n0"}, "while its sample is young it is the idlest"
    book = cluster([16] * 10, [0.0] + [0.4] * 9)
    later = NOW + 150
    for number in range(1, 10):
        book.put_loads({f"n{number}": sampled(6.4, 12.8 * GI, later - 5)})
    assert burst(book, [100] * 200, later)["n0"] <= 3 * 20_000 / 10, "at most some times its share"
    for number in range(1, 10):
        book.put_loads({f"n{number}": sampled(6.4, 12.8 * GI, NOW + 185)})
    assert predicted(book, "n0", NOW + 190) is NodeClass.UNKNOWN
    more = place(request("late"), book.snapshot(POLICY, NOW + 190))
    assert isinstance(more, Placed)
    assert more.node != "n0"


@pytest.mark.parametrize("skew", [-600, -20, 40])
def test_one_clock_is_skewed(skew: float) -> None:
    """A node whose clock is a little off is used as before; one that is far behind counts as unmeasured, not as idle.
    Pods there are timed by the same clock as its samples, so their reservations are right whatever it shows.
    """
    book = cluster([16] * 10, [0.3] * 10)
    book.loads.pop("n0")
    book.nodes["n0"].load = None
    book.put_loads({"n0": sampled(4.8, 9.6 * GI, NOW - 5 + skew)})
    placed = burst(book, [200] * 300)
    unknown = predicted(book, "n0") is NodeClass.UNKNOWN
    assert unknown == (skew == -600)
    assert placed["n0"] == 0 if unknown else placed["n0"] > 0
    assert max(placed.values()) <= 1.25 * 300 * 200 / (9 if unknown else 10)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -5.0])
@pytest.mark.parametrize(
    "spoil", [lambda v: sampled(v, v, NOW), lambda v: sampled(1, v, NOW), lambda v: sampled(1, 1, v)]
)
def test_nonsense_is_no_measurement(value: float, spoil: Callable[[float], Load]) -> None:
    """NaN, infinity and negative numbers, as values or times, spoil no order: the node keeps its last good sample, and
    without one it is unknown.
    """
    book = cluster([16] * 4, [0.3] * 4)
    book.put_loads({"n0": spoil(value)})
    assert sum(burst(book, [200] * 100).values()) == 20_000
    assert predicted(book, "n0") is NodeClass.COLD
    book.put_node(view("new").node)
    book.put_loads({"new": spoil(value)})
    assert predicted(book, "new") is NodeClass.UNKNOWN
