"""The search through shapes finds what looking at every node finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core.classes import expected
from loadstar.core.fit import reject
from loadstar.core.ledger import Ledger
from loadstar.core.model import NOTHING_MEASURED, Load, Node, Sample, Taint, Weights
from loadstar.core.nodes import Charge
from loadstar.core.placement import Placed, place
from loadstar.core.policy import Policy
from loadstar.core.prediction import predict
from loadstar.core.request import Request
from loadstar.core.scoring import CLASS_ORDER
from loadstar.core.shapes import FAN, Group, Member, enclose, member_of, shape_of
from loadstar.core.snapshot import Snapshot
from loadstar.core.strategies import RUNNERS_UP, ranked
from tests.unit.core.builders import GI, NOW, load, request, view, worker

GPU = {"capability.loadstar.dev/gpu": ""}
SHARES = st.one_of(st.sampled_from([0.0, 0.3, 0.8, 0.85, 1.2]), st.floats(0, 1.5))
NODES = st.lists(
    st.fixed_dictionaries(
        {
            "cores": st.sampled_from([4, 4, 16]),
            "cpu": st.none() | SHARES,
            "memory": SHARES,
            "io": st.none() | SHARES,
            "requested": st.integers(0, 5000),
            "labels": st.sampled_from(
                [{}, {"capability.loadstar.dev/gpu": ""}, {"zone": "x"}, {"kubernetes.io/arch": "x"}]
            ),
            "taints": st.sampled_from([(), (Taint("k", "", "NoSchedule"),)]),
            "age": st.sampled_from([5, 5, 5, 100, 200]),
            "ready": st.sampled_from([True, True, True, False]),
        }
    ),
    min_size=1,
    max_size=40,
)
REQUESTS = st.fixed_dictionaries(
    {
        "worker": st.builds(worker, st.sampled_from([1, 250, 900, 4000]), st.sampled_from([1, GI, 4 * GI])),
        "requires": st.sampled_from([(), (), ("gpu",)]),
        "prefers": st.sampled_from([(), ("gpu",)]),
        "node_selector": st.sampled_from([(), (), (("zone", "x"),), (("kubernetes.io/arch", "x"),)]),
        "weights": st.sampled_from([None, Weights(1.0, 0.0, 0.0), Weights(0.0, 0.2, 0.8)]),
        "avoid": st.sampled_from([frozenset(), frozenset({"n0", "n3"})]),
    }
)


FACTS: dict[str, Any] = {
    "cores": 4,
    "cpu": 0.3,
    "memory": 0.3,
    "io": None,
    "requested": 0,
    "labels": {},
    "taints": (),
    "age": 5,
    "ready": True,
}


def node(number: int, facts: dict[str, Any]) -> tuple[Node, Load]:
    cores = facts["cores"]
    size = {"cpu": cores * 1000, "memory": cores * 2 * GI + number, "pods": 110}
    plain = replace(view(f"n{number}").node, allocatable=size, **{k: facts[k] for k in ("labels", "taints", "ready")})

    def sample(share: float | None, capacity: float, window: float = 15) -> Sample | None:
        return None if share is None else Sample(share * capacity, NOW - facts["age"], window, "test")

    memory = sample(facts["memory"], size["memory"], 0)
    return plain, Load(sample(facts["cpu"], cores), memory, sample(facts["io"], 1.0))


def world(nodes: list[dict[str, Any]]) -> Ledger:
    ledger = Ledger()
    for number, facts in enumerate(nodes):
        plain, load = node(number, facts)
        ledger.put_node(plain)
        ledger.put_loads({plain.name: load})
        ledger.put(f"other-{number}", Charge(plain.name, {"cpu": facts["requested"]}))
    return ledger


def agree(own: Request, snapshot: Snapshot) -> str | None:
    """The chosen node; the search's answer must be as good as the best of all."""
    fit = [item for item in snapshot.nodes.values() if reject(item, own) is None]
    if not fit and own.avoid:
        fit = [item for item in snapshot.nodes.values() if reject(item, replace(own, avoid=frozenset())) is None]
    decision = place(own, snapshot)
    if not isinstance(decision, Placed):
        assert not fit
        return None
    assert decision.score is not None
    best = ranked(own, snapshot, [item.node.name for item in fit])
    for found, exact in zip((decision.score, *decision.next), best, strict=False):
        assert CLASS_ORDER[found.node_class] == CLASS_ORDER[exact.node_class]
        assert abs(found.rank - exact.rank) < 1e-9
    assert len(decision.next) == min(RUNNERS_UP, len(best) - 1)
    return decision.node


@settings(max_examples=300, deadline=None)
@given(NODES, st.lists(REQUESTS, min_size=1, max_size=3), st.integers(1, 12))
def test_the_search_is_exact(nodes: list[dict[str, Any]], kinds: list[dict[str, Any]], tasks: int) -> None:
    """The chosen node and the two next best are those that scoring every node with the full formula gives, placement
    after placement, each charged, kinds of Tasks taking turns: whatever nodes are, hold, tolerate and are known of.
    """
    ledger, policy = world(nodes), Policy()
    for number in range(tasks):
        kind = dict(kinds[number % len(kinds)])
        own = request(f"u{number}", kind.pop("avoid"), **kind)
        chosen = agree(own, ledger.snapshot(policy, NOW))
        if chosen is not None:
            requests = own.template.worker.requests
            ledger.put(f"task-{number}", Charge(chosen, requests, expected(requests)))
        if number % 3 == 2:
            ledger.drop(f"task-{number - 2}")


def test_nodes_are_put_in_order_anew_after_as_many_samples_as_there_are() -> None:
    """However few come at a time: boxes are around nodes that are alike now, not as they once were."""
    book, policy = Ledger(), Policy()
    for number in range(100):
        book.put_node(view(f"n{number}").node)
        book.put_loads({f"n{number}": load(number / 50, (0.9 - number / 200) * 8 * GI)})
    book.snapshot(policy, NOW)
    (group,) = book._shapes.groups.values()
    first = [member.view.node.name for member in group.standing]
    for number in range(1, 102):
        at = number % 100
        book.put_loads({f"n{at}": load(2 - at / 50, (0.4 + at / 200) * 8 * GI, timestamp=NOW + number / 100)})
        assert agree(request(), book.snapshot(policy, NOW + 2)) is not None
    assert [member.view.node.name for member in group.standing] != first


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(30)), SHARES, SHARES)
def test_of_equal_nodes_the_same_is_chosen_in_whatever_order_they_came(
    order: list[int], cpu: float, memory: float
) -> None:
    """What decides between equals is their names: rounding and history do not."""
    decisions = []
    for numbers in (range(30), order):
        book = Ledger()
        for number in numbers:
            item = view(f"n{number}", cpu, memory)
            book.put_node(item.node)
            book.put_loads({item.node.name: item.load or NOTHING_MEASURED})
        decisions.append(place(request(), book.snapshot(Policy(), NOW)))
    assert decisions[0] == decisions[1]


@given(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=200), st.data())
def test_a_box_holds_what_is_in_it(shares: list[tuple[float, float]], data: st.DataObject) -> None:
    """After any changes each box is the box around those below it."""

    def member(number: int, cpu: float, memory: float) -> Member:
        item = view(f"n{number}", cpu, memory)
        prediction = predict(item, Policy(), NOW)
        return member_of(item, prediction, Weights())

    members = {f"n{i}": member(i, *pair) for i, pair in enumerate(shares)}
    group = Group(view("n0").node, 0, False, members, [], {}, [], [])
    group.build()
    for _ in range(5):
        number = data.draw(st.integers(0, len(shares) - 1))
        group.update(group.slots[f"n{number}"], member(number, data.draw(SHARES), data.draw(SHARES)))
    for below, level in zip(group.levels, group.levels[1:], strict=False):
        assert level == [enclose(below[at : at + FAN]) for at in range(0, len(below), FAN)]
    assert len(group.levels[-1]) == 1


def test_nodes_of_one_make_are_of_one_shape() -> None:
    """Machines of one type differ by some bytes and by their host name; capabilities, taints and size tell apart."""
    plain = view("a").node
    less = {**plain.allocatable, "memory": 8 * GI - 4096}
    like = replace(plain, name="b", labels={"kubernetes.io/hostname": "b"}, allocatable=less)
    assert shape_of(plain) == shape_of(like)
    assert shape_of(plain) != shape_of(replace(plain, labels=GPU))
    assert shape_of(plain) != shape_of(replace(plain, taints=(Taint("k", "", "NoSchedule"),)))
    assert shape_of(plain) != shape_of(replace(plain, allocatable={**plain.allocatable, "cpu": 8000}))


def test_a_tasks_near_node_is_found_wherever_it_stands() -> None:
    """A node with a Task to be close to is better by a fifth, and is found although its box promises nothing."""
    ledger = world([{**FACTS, "cpu": 0.3 + number / 1000} for number in range(200)])
    snapshot = ledger.snapshot(Policy(), NOW)
    own = replace(request(), near=frozenset({"n150"}))
    assert agree(own, snapshot) == "n150"
    assert agree(request(), snapshot) == "n0"
