"""The ways to choose a node: each by its own rule, and each the same whenever it is asked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.classes import expected
from loadstar.core.ledger import Ledger
from loadstar.core.model import Strategy
from loadstar.core.nodes import Charge, NodeView
from loadstar.core.placement import Decision, Placed, place
from loadstar.core.policy import Policy
from loadstar.core.strategies import DRAWS
from loadstar.core.turns import Turns, base_weight
from tests.unit.core.builders import NOW, ledger, request, snapshot, view

PINNING = [strategy for strategy in Strategy if strategy is not Strategy.KUBE_SCHEDULER]
FEW, MANY = 5, DRAWS + 40


def chosen(decision: Decision) -> str:
    assert isinstance(decision, Placed)
    assert decision.node
    return decision.node


def choices(strategy: Strategy, nodes: list[NodeView], tasks: int) -> Counter[str]:
    """Which nodes Tasks would get, none of them charged."""
    world = snapshot(*nodes)
    return Counter(chosen(place(request(uid=f"u{number}", strategy=strategy), world)) for number in range(tasks))


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("count", [1, FEW, MANY])
def test_the_same_question_has_the_same_answer(strategy: Strategy, count: int) -> None:
    """An answer depends on request and snapshot alone: another process, and a replay, say the same."""

    def ask() -> list[Decision]:
        world = snapshot(*(view(f"n{number}", 0.1 + number / 1000) for number in range(count)))
        return [place(request(uid=f"u{number}", strategy=strategy), world) for number in range(5)]

    first = ask()
    assert ask() == first
    assert all(isinstance(item, Placed) and item.strategy is strategy for item in first)


@pytest.mark.parametrize("strategy", PINNING)
@given(room=st.lists(st.booleans(), min_size=1, max_size=6), more=st.sampled_from([0, MANY]))
def test_only_a_node_that_can_take_it(strategy: Strategy, room: list[bool], more: int) -> None:
    """Whoever chooses, the node has room, though it be the only one among many; without any there is none."""
    nodes = [view(f"n{i}", requested={} if free else {"cpu": 4000}) for i, free in enumerate(room)]
    nodes += [view(f"full{i}", requested={"cpu": 4000}) for i in range(more)]
    decision = place(request(strategy=strategy), snapshot(*nodes))
    assert isinstance(decision, Placed) == any(room)
    if isinstance(decision, Placed):
        assert decision.node in {f"n{i}" for i, free in enumerate(room) if free}


@pytest.mark.parametrize("spare", [0, MANY])
def test_weighted_random_is_by_weight_and_idle_cpu(spare: int) -> None:
    """A node of four times the weight that is half as idle gets twice as many Tasks, among few nodes and among many."""
    heavy, light = view("heavy", 0.6), view("light", 0.2)
    heavy.node = replace(heavy.node, base_weight=8.0)
    light.node = replace(light.node, base_weight=2.0)
    others = [view(f"n{i}", 0.2, requested={"cpu": 4000}) for i in range(spare)]
    counts = choices(Strategy.WEIGHTED_RANDOM, [heavy, light, *others], 3000)
    assert counts["heavy"] / counts["light"] == pytest.approx(2, rel=0.15)


def test_no_node_is_too_hot_for_chance() -> None:
    """Where all nodes are over their CPU there is still a choice."""
    assert choices(Strategy.WEIGHTED_RANDOM, [view("a", 1.4), view("b", 1.2)], 50).keys() == {"a", "b"}


@pytest.mark.parametrize("count", [FEW, MANY])
def test_power_of_two_takes_the_less_loaded_of_two(count: int) -> None:
    """The most loaded node never wins, and the least loaded one wins twice as often as chance would have it."""
    nodes = [view(f"n{number:03}", 0.1 + 0.5 * number / count) for number in range(count)]
    counts = choices(Strategy.POWER_OF_TWO, nodes, 4000)
    assert f"n{count - 1:03}" not in counts
    upper = sum(tasks for name, tasks in counts.items() if int(name[1:]) >= count / 2)
    assert upper / 4000 == pytest.approx(0.25 if count == MANY else 0.1, abs=0.05)


@pytest.mark.parametrize("strategy", PINNING)
@pytest.mark.parametrize("spare", [0, MANY])
def test_a_quarantined_node_is_everybodys_last_choice(strategy: Strategy, spare: int) -> None:
    """It looks idle, and its turn comes often: no strategy of ours takes it while another node can take the Task."""
    bad, good = replace(view("bad", 0.0), failing=True), view("good", 0.9)
    bad.node = replace(bad.node, base_weight=1000.0)
    full = [view(f"n{i}", requested={"cpu": 4000}) for i in range(spare)]
    assert choices(strategy, [bad, good, *full], 20).keys() == {"good"}
    assert choices(strategy, [bad, *full], 3).keys() == {"bad"}


def in_turn(book: Ledger, tasks: int) -> list[str]:
    names = []
    for number in range(tasks):
        own = request(uid=f"u{number}", strategy=Strategy.ROUND_ROBIN)
        names.append(chosen(place(own, book.snapshot(Policy(), NOW))))
        requests = own.template.worker.requests
        book.put(own.task_uid, Charge(names[-1], requests, expected(requests)))
        book.serve(names[-1])
    return names


def test_round_robin_is_smooth() -> None:
    """By weights 5, 1, 1 seven turns are five and one and one, and the heavy node's are not all in a row."""
    nodes = [view(name) for name in "abc"]
    nodes[0].node = replace(nodes[0].node, base_weight=5.0)
    for item in nodes[1:]:
        item.node = replace(item.node, base_weight=1.0)
    assert "".join(in_turn(ledger(*nodes), 14)) == "aaabcaaaaabcaa"


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), min_size=1), st.integers(1, 5))
def test_turns_are_by_weight(weights: dict[str, int], rounds: int) -> None:
    """After whole rounds each node was served exactly by its weight."""
    turns = Turns()
    for name, weight in weights.items():
        turns.put(name, weight)
    served: Counter[str] = Counter()
    for _ in range(rounds * sum(weights.values())):
        name = next(iter(turns))
        turns.serve(name)
        served[name] += 1
    assert all(abs(served[name] - rounds * weight) <= 1 for name, weight in weights.items())


@pytest.mark.parametrize("prepare", [lambda turns: turns.put("late", 1.0), lambda turns: turns.put("late", 3.0)])
def test_nobody_catches_up_on_turns(prepare: Callable[[Turns], None]) -> None:
    """A node that joins late gets its share from then on, not all turns until it had as many as the others."""
    turns = Turns()
    for name in "ab":
        turns.put(name, 1.0)
    for _ in range(100):
        turns.serve(next(iter(turns)))
    prepare(turns)
    served = []
    for _ in range(10):
        served.append(next(iter(turns)))
        turns.serve(served[-1])
    assert served.count("late") <= 7
    assert {"a", "b"} <= set(served)
    turns.drop("late")
    assert "late" not in list(turns)
    assert list(turns.names) == ["a", "b"]


def test_a_weight_is_the_annotation_or_the_cores() -> None:
    """The admin's word, else the size; never nothing, so that every node has its turn."""
    plain = view("a").node
    assert base_weight(plain) == 4
    assert base_weight(replace(plain, base_weight=0.5)) == 0.5
    assert base_weight(replace(plain, allocatable={})) > 0
