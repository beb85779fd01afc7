"""A decision on record is made again, to the same answer, from the record alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core.classes import Habit, class_of, expected
from loadstar.core.decision import Placed, Unplaced
from loadstar.core.ledger import Ledger
from loadstar.core.model import Strategy, Weights
from loadstar.core.nodes import Charge
from loadstar.core.placement import place, shown
from loadstar.core.policy import Policy, WhenFull, WhenHot
from loadstar.core.record import WHOLE, Record, deciding, difference, record, replay
from loadstar.core.request import Request
from tests.unit.core.builders import GI, NOW, ledger, load, request, view
from tests.unit.core.test_shapes import NODES, REQUESTS, node

TASK = ("ns", "t")
POLICIES = st.builds(
    Policy,
    weights=st.sampled_from([Weights(), Weights(1.0, 0.0, 0.0)]),
    hot=st.sampled_from([0.85, 0.3]),
    when_hot=st.sampled_from(list(WhenHot)),
    when_full=st.sampled_from(list(WhenFull)),
    stale_seconds=st.sampled_from([60.0, 180.0]),
)


def world(nodes: list[dict[str, Any]], copies: int) -> Ledger:
    """Each node so many times over."""
    made = Ledger()
    for number in range(len(nodes) * copies):
        facts = nodes[number % len(nodes)]
        plain, measured = node(number, facts)
        made.put_node(plain)
        made.put_loads({plain.name: measured})
        made.put(f"other-{number}", Charge(plain.name, {"cpu": facts["requested"]}))
    return made


def decided(book: Ledger, own: Request, policy: Policy, now: float, waited: float = 0.0) -> Record:
    """Decide, keep, and charge."""
    snapshot = book.snapshot(policy, now)
    decision = shown(place(own, snapshot), policy, waited, 0)
    kept = record(TASK, own, snapshot, waited, 0, decision)
    if isinstance(decision, Placed) and decision.node:
        requests = own.template.worker.requests
        book.put(own.task_uid, Charge(decision.node, requests, expected(requests, started=now)))
        book.serve(decision.node)
    return kept


@settings(deadline=None)
@given(
    NODES,
    st.sampled_from([1, 1, 70]),
    st.lists(REQUESTS, min_size=1, max_size=3),
    st.sampled_from(list(Strategy)),
    POLICIES,
    st.lists(st.tuples(st.sampled_from([0.0, 1.0, 7.0, 60.0]), st.sampled_from([0.0, 31.0])), min_size=1, max_size=6),
)
def test_the_same_answer(
    nodes: list[dict[str, Any]],
    copies: int,
    kinds: list[dict[str, Any]],
    strategy: Strategy,
    policy: Policy,
    steps: list[tuple[float, float]],
) -> None:
    """However many nodes there are, whatever has aged or was charged since, by every strategy, placed or not."""
    book, now, kept = world(nodes[:4] if copies > 1 else nodes, copies), NOW, []
    for number, (passed, waited) in enumerate(steps):
        now += passed
        own = replace(
            request(uid=f"u{number}", strategy=strategy, **kinds[number % len(kinds)]), near=frozenset({"n1"})
        )
        kept.append(decided(book, own, policy, now, waited))
    for one in kept:
        assert difference(one, replay(one)) == ""


def test_of_many_nodes_few_are_kept() -> None:
    """A record does not grow with the cluster: the chosen node and three more, or one for each cause."""
    nodes = [view(f"n{number}", number / 1000) for number in range(500)]
    placed = decided(ledger(*nodes), request(), Policy(), NOW)
    assert (list(placed.nodes), placed.total, placed.whole) == (["n0", "n1", "n2", "n3"], 500, False)
    full = [view(f"n{number}", requested={"cpu": 4000}) for number in range(400)]
    refused = decided(ledger(*full, *(view(f"x{n}", ready=False) for n in range(100))), request(), Policy(), NOW)
    assert isinstance(refused.decision, Unplaced)
    assert len(refused.nodes) == 2
    assert difference(refused, replay(refused)) == ""


def test_up_to_a_bound_all_are_kept() -> None:
    """Then the sentence, which counts them, must be the same too."""
    kept = decided(ledger(*(view(f"n{number}") for number in range(WHOLE))), request(), Policy(), NOW)
    assert kept.whole
    spare = next(name for name in kept.nodes if name not in deciding(kept.decision))
    without = {name: facts for name, facts in kept.nodes.items() if name != spare}
    assert difference(kept, replay(replace(kept, nodes=without))).startswith("message was")
    assert difference(kept, replay(replace(kept, nodes=dict(reversed(list(kept.nodes.items())))))) == ""


def test_what_happens_later_does_not_change_it() -> None:
    """A record holds what was: Pods, samples and nodes that come and go afterwards are not in it."""
    book = ledger(view("a", 0.2), view("b", 0.3))
    first = decided(book, request(uid="u1"), Policy(), NOW)
    before = replay(first)
    book.put("p", Charge("a", {"cpu": 3990}, expected({"cpu": 3990})))
    book.put_loads({"b": load(3.9, 7 * GI, timestamp=NOW + 5)})
    second = decided(book, request(uid="u2"), Policy(), NOW + 10)
    book.drop_node("a")
    assert replay(first) == before == first.decision
    assert difference(second, replay(second)) == ""


def test_what_was_learned_is_kept() -> None:
    """A class that uses five times what it requests is placed by that, in the replay too."""
    book, own = ledger(view("a", 0.2), view("b", 0.3)), request()
    book.habits[class_of(own.template.worker)] = Habit(9, 5.0, 1.0)
    kept = decided(book, own, Policy(), NOW)
    assert kept.habit.cpu == 5.0
    assert difference(kept, replay(kept)) == ""
    assert "score was" in difference(kept, replay(replace(kept, habit=Habit())))


def test_what_is_not_the_same_is_said() -> None:
    """Another node, and another kind of answer, each with both."""
    kept = decided(ledger(view("a", 0.2), view("b", 0.3)), request(), Policy(), NOW)
    busy = kept.nodes["a"]._replace(load=load(3.6, GI))
    assert difference(kept, replay(replace(kept, nodes={**kept.nodes, "a": busy}))) == "was a, is b"
    closed = {name: facts._replace(node=replace(facts.node, ready=False)) for name, facts in kept.nodes.items()}
    text = difference(kept, replay(replace(kept, nodes=closed)))
    assert text == "was a, is NoReadyNode (0/2 nodes: 2 not Ready)"
