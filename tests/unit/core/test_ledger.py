"""What nodes hold, change by change: the same as if it were counted anew."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.ledger import RANKED_FROM, Ledger
from loadstar.core.model import Load, Policy, Sample
from loadstar.core.placement import Placed, place
from loadstar.core.snapshot import Charge, reservation
from tests.unit.core.builders import NOW, load, request, view, worker

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
            charges[identity] = Charge(node, {"cpu": cpu}, reservation({"cpu": cpu}))
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


def many(count: int = RANKED_FROM) -> Ledger:
    ledger = Ledger()
    for number in range(count):
        node = view(f"n{number:03}", 0.1 + number / (2 * count))
        assert node.load is not None
        ledger.put_loads({node.node.name: node.load})
        ledger.put_node(node.node)
    return ledger


def test_many_nodes_are_ranked_and_the_best_is_found() -> None:
    """Where nodes are many they are looked at best first, and the choice is the one that looking at all would make."""
    ledger = many()
    snapshot = ledger.snapshot(POLICY, NOW)
    assert snapshot.ranked is not None
    assert list(snapshot.ranked) == sorted(ledger.nodes)
    ranked, exact = place(request(), snapshot), place(request(), replace(snapshot, ranked=None))
    assert isinstance(ranked, Placed)
    assert isinstance(exact, Placed)
    assert ranked.node == exact.node == "n000"


def test_a_charge_moves_its_node_in_the_order() -> None:
    """Each placement shows in the order that the next one looks through."""
    ledger = many()
    ledger.snapshot(POLICY, NOW)
    ledger.put("x", Charge("n000", worker(cpu=3000).requests, reservation(worker(cpu=3000).requests)))
    order = list(ledger.snapshot(POLICY, NOW).ranked or ())
    assert order[0] == "n001"
    ledger.drop("x")
    assert next(iter(ledger.snapshot(POLICY, NOW).ranked or ())) == "n000"


def test_a_sample_that_grows_stale_moves_its_node_too() -> None:
    """Nothing happened on the node, but its sample is too old: it comes after every measured one."""
    ledger = many()
    ledger.snapshot(POLICY, NOW)
    ledger.put_loads({name: load(1, 1, timestamp=NOW + 170) for name in ledger.nodes if name != "n000"})
    assert list(ledger.snapshot(POLICY, NOW + 200).ranked or ())[-1] == "n000"


def test_a_node_that_is_gone_is_not_in_the_order() -> None:
    """A node that left and came back is there once."""
    ledger = many()
    ledger.snapshot(POLICY, NOW)
    ledger.drop_node("n000")
    assert "n000" not in list(ledger.snapshot(POLICY, NOW).ranked or ())
    ledger.put_node(view("n000").node)
    assert "n000" in list(ledger.snapshot(POLICY, NOW).ranked or ())


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
