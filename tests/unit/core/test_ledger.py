"""What nodes hold, change by change: the same as if it were counted anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.classes import expected
from loadstar.core.ledger import Ledger
from loadstar.core.model import NOTHING_MEASURED as NONE
from loadstar.core.model import Load, Sample
from loadstar.core.nodes import Charge
from loadstar.core.policy import Policy
from loadstar.core.prediction import predict
from loadstar.core.reservations import Added, Reservation
from tests.unit.core.builders import GI, NOW, load, request, view, worker

POLICY = Policy()
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "node", "gone"]),
        st.sampled_from("xyz"),
        st.sampled_from("ab"),
        st.integers(1, 3),
    ),
    max_size=30,
)


@given(CHANGES)
def test_a_ledger_is_the_sum_of_its_charges(changes: list[tuple[str, str, str, int]]) -> None:
    """However charges and nodes come, move and go, each node holds just what is charged to it now."""
    ledger, charges, nodes = Ledger(), {}, set()
    for what, identity, node, cpu in changes:
        if what == "put":
            charges[identity] = Charge(node, {"cpu": cpu}, expected({"cpu": cpu}))
            ledger.put(identity, charges[identity])
        elif what == "drop":
            charges.pop(identity, None)
            ledger.drop(identity)
        elif what == "node":
            nodes.add(node)
            ledger.put_node(view(node).node)
        else:
            nodes.discard(node)
            ledger.drop_node(node)
    assert set(ledger.nodes) == nodes
    for name, seen in ledger.nodes.items():
        mine = {identity: charge for identity, charge in charges.items() if charge.node == name}
        assert seen.requested.get("cpu", 0) == sum(charge.requests["cpu"] for charge in mine.values())
        assert seen.requested.get("pods", 0) == len(mine)
        assert set(seen.reservations) == set(mine)


def many(count: int = 100) -> Ledger:
    ledger = Ledger()
    for number in range(count):
        node = view(f"n{number:03}", 0.1 + number / (2 * count))
        assert node.load is not None
        ledger.put_loads({node.node.name: node.load})
        ledger.put_node(node.node)
    return ledger


def in_order(ledger: Ledger, now: float = NOW) -> list[str]:
    found = ledger.snapshot(POLICY, now).frontier(request()).take(len(ledger.nodes), now)
    return [item.node.name for item, _ in found]


def test_nodes_come_in_order() -> None:
    """Whoever asks for all of them gets them best first."""
    ledger = many()
    assert in_order(ledger) == sorted(ledger.nodes)


def test_a_charge_moves_its_node_in_the_order() -> None:
    """Each placement shows in the order that the next one looks through, and so does its end."""
    ledger = many()
    assert in_order(ledger)[0] == "n000"
    ledger.put("x", Charge("n000", worker(cpu=3000).requests, expected(worker(cpu=3000).requests)))
    assert in_order(ledger)[0] == "n001"
    ledger.drop("x")
    assert in_order(ledger)[0] == "n000"


def test_a_sample_that_grows_stale_moves_its_node_too() -> None:
    """Nothing happened on the node, but its sample is too old: it comes after every measured one."""
    ledger = many()
    assert in_order(ledger)[0] == "n000"
    ledger.put_loads({name: load(1, 1, timestamp=NOW + 170) for name in ledger.nodes if name != "n000"})
    assert in_order(ledger, NOW + 200)[-1] == "n000"


def test_a_node_that_is_gone_is_not_in_the_order() -> None:
    """A node that left and came back is there once."""
    ledger = many()
    ledger.drop_node("n000")
    assert "n000" not in in_order(ledger)
    ledger.put_node(view("n000").node)
    assert in_order(ledger).count("n000") == 1


RUNNING = Reservation(1000, GI, started=NOW - 60)


def share(ledger: Ledger, now: float = NOW) -> float:
    """Of CPU, as predicted, without the margin."""
    term = predict(ledger.nodes["a"], POLICY, now).cpu
    return term.total - term.risk


def test_an_ended_pod_is_credited_until_no_sample_has_it() -> None:
    """A Pod of 1 core on 4 that ended when the sample was taken is in it, not on the node; half a window later by half;
    then it is forgotten.
    """
    ledger = Ledger()
    ledger.put_node(view("a").node)
    ledger.put_loads({"a": load(2, GI, timestamp=NOW)})
    ledger.put("x", Charge("a", {"cpu": 1000}, RUNNING))
    assert share(ledger) == pytest.approx(0.5)
    ledger.end("x", NOW)
    assert ledger.nodes["a"].requested == {}
    assert share(ledger) == pytest.approx(0.25)
    ledger.drop("x")
    assert share(ledger) == pytest.approx(0.25), "that its object is gone does not change the samples"
    ledger.put_loads({"a": load(1.5, GI, timestamp=NOW + 7.5)})
    assert share(ledger) == pytest.approx(0.25)
    ledger.put_loads({"a": load(1, GI, timestamp=NOW + 16)})
    assert share(ledger) == pytest.approx(0.25)
    assert ledger.nodes["a"].ended == {}
    assert not ledger._charges


def test_credits_end_when_samples_do() -> None:
    """Without new samples what ended Pods left in the old ones is forgotten with these: nothing piles up."""
    ledger = Ledger()
    ledger.put_node(view("a").node)
    ledger.put_loads({"a": load(2, GI, timestamp=NOW)})
    ledger.put("x", Charge("a", {"cpu": 1000}, RUNNING))
    ledger.end("x", NOW)
    ledger.snapshot(POLICY, NOW + 200)
    assert not ledger._charges
    ledger.put("y", Charge("b", {"cpu": 1000}, RUNNING))
    ledger.end("y", NOW)
    assert not ledger._charges, "a node that was never measured has nothing to credit"


def test_the_order_of_events_does_not_matter() -> None:
    """A ledger that was begun anew, and hears of Pods before or after nodes and samples, predicts the same."""
    events: list[Callable[[Ledger], None]] = [
        lambda book: book.put_node(view("a").node),
        lambda book: book.put_loads({"a": load(2, GI, timestamp=NOW)}),
        lambda book: book.put("x", Charge("a", {"cpu": 1000}, replace(RUNNING, started=NOW - 5))),
        lambda book: book.put("y", Charge("a", {"cpu": 500}, Reservation(500, GI))),
    ]
    predictions = set()
    for order in permutations(events):
        book = Ledger()
        for event in order:
            event(book)
        predictions.add(round(share(book), 9))
    assert predictions == {round((2000 + 1000 * 2 / 3 + 500) / 4000, 9)}


@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.sampled_from(["put", "end", "drop", "load"]), st.integers(0, 40)),
        max_size=25,
    )
)
def test_sums_kept_step_by_step_are_those_counted_anew(steps: list[tuple[str, str, int]]) -> None:
    """However Pods start, end and go between samples, what is kept is what a fresh count over them gives."""
    ledger = Ledger()
    ledger.put_node(view("a").node)
    for number, (identity, what, at) in enumerate(steps):
        if what == "put":
            ledger.put(identity, Charge("a", {"cpu": 1}, Reservation(100 * (at + 1), GI, started=NOW + at)))
        elif what == "end":
            ledger.end(identity, NOW + at)
        elif what == "drop":
            ledger.drop(identity)
        else:
            ledger.put_loads({"a": load(1, GI, timestamp=NOW + number * 5)})
        node = ledger.nodes["a"]
        kept, anew = node.added(), Added([*node.reservations.values(), *node.ended.values()], node.load or NONE)
        assert kept.cpu == pytest.approx(anew.cpu, abs=1e-6)
        assert kept.memory == pytest.approx(anew.memory, abs=1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_value_that_cannot_be_is_not_measured(value: float) -> None:
    """NaN, infinity and what is below zero are no samples: the last good one stands and grows old."""
    ledger = Ledger()
    ledger.put_node(view("a").node)
    ledger.put_loads({"a": load(2, GI)})
    ledger.put_loads({"a": load(value, value, value, timestamp=NOW)})
    assert ledger.loads["a"] == load(2, GI)
    assert share(ledger) == 0.5


def sample(value: float, at: float, source: str = "test") -> Sample:
    return Sample(value, at, 15, source)


def test_a_newer_sample_of_one_resource_keeps_the_others() -> None:
    """Each resource is measured by its own source at its own time: what one says discards nothing of another."""
    ledger = Ledger()
    ledger.put_node(view("a").node)
    ledger.put_loads({"a": Load(sample(1, NOW), sample(2, NOW), None)})
    ledger.put_loads({"a": Load(None, None, sample(0.5, NOW - 60, "other"), load1=sample(3, NOW - 60, "other"))})
    ledger.put_loads({"a": Load(sample(4, NOW + 15), None, None)})
    expected = Load(
        sample(4, NOW + 15), sample(2, NOW), sample(0.5, NOW - 60, "other"), load1=sample(3, NOW - 60, "other")
    )
    assert ledger.loads["a"] == ledger.nodes["a"].load == expected


def test_an_older_sample_gives_way_only_to_another_source() -> None:
    """Answers may overtake each other; another source's clock says nothing about this one's."""
    ledger = Ledger()
    ledger.put_loads({"a": Load(sample(1, NOW), None, None)})
    ledger.put_loads({"a": Load(sample(2, NOW - 1), None, None)})
    assert ledger.loads["a"].cpu == sample(1, NOW)
    ledger.put_loads({"a": Load(sample(3, NOW - 1, "other"), None, None)})
    assert ledger.loads["a"].cpu == sample(3, NOW - 1, "other")


def test_a_resource_that_nobody_measures_any_more_is_forgotten() -> None:
    """It goes from every node at once, and nothing else does."""
    ledger = Ledger()
    ledger.put_node(view("a").node)
    ledger.put_loads({name: Load(sample(1, NOW), None, sample(0.5, NOW)) for name in "ab"})
    ledger.forget_samples(["io"])
    assert ledger.loads == dict.fromkeys("ab", Load(sample(1, NOW), None, None))
    assert ledger.nodes["a"].load == ledger.loads["a"]
