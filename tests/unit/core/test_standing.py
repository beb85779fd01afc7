"""How nodes stand: what is reported by name is bounded, the totals are of all."""

from __future__ import annotations

from dataclasses import replace
from statistics import pstdev

import pytest

from loadstar.core.classes import expected
from loadstar.core.model import NOTHING_MEASURED, NodeClass, Sample
from loadstar.core.nodes import NodeView
from loadstar.core.policy import Policy
from loadstar.core.reservations import Reservation
from loadstar.core.standing import SHOWN, standings, topology
from tests.unit.core.builders import GI, NOW, load, snapshot, view


def test_best_first_and_closed_last() -> None:
    """Nodes come in the order in which they would be tried: cold, hot, unmeasured, quarantined, closed."""
    failing = view("failing", 0.1)
    failing.failing = True
    nodes = [view("shut", 0.0, unschedulable=True), failing, view("blind", cpu=None), view("hot", 0.9), view("b", 0.2)]
    found = standings(snapshot(*nodes, view("a", 0.1)))
    assert [item.score.node for item in found] == ["a", "b", "hot", "blind", "failing", "shut"]
    assert [item.score.node_class for item in found[1:]] == list(NodeClass)


def test_few_nodes_are_all_there() -> None:
    """Up to 40 nodes each is reported exactly once, closed ones too."""
    nodes = [view(f"n{number}", number / 100, unschedulable=number > 36) for number in range(40)]
    found = topology(standings(snapshot(*nodes)))
    names = [item.score.node for item in (*found.best, *found.worst)]
    assert sorted(names) == sorted(item.node.name for item in nodes)


def test_of_many_nodes_the_ends_are_reported_and_all_are_counted() -> None:
    """Of 100 nodes the 20 best and the 20 worst are named, the worst first; closed ones do not crowd them out."""
    nodes = [view(f"n{number:03}", number / 200, unschedulable=number >= 70) for number in range(100)]
    found = topology(standings(snapshot(*nodes)))
    assert [item.score.node for item in found.best] == [f"n{number:03}" for number in range(SHOWN)]
    assert [item.score.node for item in found.worst] == [f"n{number:03}" for number in range(69, 69 - SHOWN, -1)]
    assert (found.totals.nodes, found.totals.fresh, found.totals.closed) == (100, 70, 30)


def test_totals_count_classes_and_what_is_reserved() -> None:
    """Each class is counted, and what our Pods add to the samples is summed up."""
    promised = [Reservation(500, GI), Reservation(250, GI)]
    nodes = [view("a", 0.2, reservations=promised), view("hot", 0.9), view("blind", cpu=None), view("off", ready=False)]
    found = topology(standings(snapshot(*nodes))).totals
    assert (found.nodes, found.fresh, found.unknown, found.hot, found.quarantined, found.closed) == (4, 2, 1, 1, 0, 1)
    assert (found.reserved_cpu, found.reserved_memory, found.tasks) == (750, 2 * GI, 2)


def test_the_deviation_is_of_the_weighed_load_of_open_nodes() -> None:
    """0.6·cpu + 0.4·memory; a closed node, whatever its load, does not count; nor does an empty cluster fail."""
    nodes = [view("a", 0.2, 0.1), view("b", 0.6, 0.3), view("off", 0.9, 0.9, ready=False)]
    found = topology(standings(snapshot(*nodes))).totals
    assert found.deviation == pytest.approx(pstdev([0.6 * 0.2 + 0.4 * 0.1, 0.6 * 0.6 + 0.4 * 0.3]))
    assert topology(standings(snapshot())).totals.deviation == 0.0


def test_terms_are_measured_and_reserved() -> None:
    """A node's load is told apart: what was measured, and what ours add to it."""
    (found,) = standings(snapshot(view("a", 0.2, reservations=[expected({"cpu": 400, "memory": 0})])))
    assert found.prediction.cpu.measured == pytest.approx(0.2)
    assert found.prediction.cpu.reserved == pytest.approx(0.1)
    assert found.score.cpu == pytest.approx(0.3)


def pressed() -> NodeView:
    node = view("a", 0.1)
    node.load = replace(load(0.4, GI), io_pressure=Sample(0.5, NOW - 5, 10, "test"))
    return node


def late() -> NodeView:
    node = view("a")
    node.load = load(0.4, GI, timestamp=NOW - 200)
    return node


def bare() -> NodeView:
    node = view("a")
    node.load = replace(NOTHING_MEASURED, cpu=load(1, 1).cpu)
    return node


def failing() -> NodeView:
    node = view("a", 0.1)
    node.failing = True
    return node


@pytest.mark.parametrize(
    ("node", "kind", "words"),
    [
        (view("a", 0.1), NodeClass.COLD, ""),
        (view("a", 0.9), NodeClass.HOT, "cpu 0.90 over 0.85"),
        (view("a", 0.9, 0.95), NodeClass.HOT, "cpu 0.90 and memory 0.95 over 0.85"),
        (pressed(), NodeClass.HOT, "I/O pressure over 0.2"),
        (view("a", cpu=None), NodeClass.UNKNOWN, "no CPU sample, no memory sample"),
        (bare(), NodeClass.UNKNOWN, "no memory sample"),
        (late(), NodeClass.UNKNOWN, "CPU sample 200 s old, over 180, memory sample 200 s old, over 180"),
        (failing(), NodeClass.QUARANTINED, "Tasks failed there at once, and their like succeeded elsewhere"),
        (view("a", unschedulable=True), NodeClass.CLOSED, "cordoned"),
        (view("a", ready=False), NodeClass.CLOSED, "not Ready"),
    ],
)
def test_each_class_has_its_cause(node: NodeView, kind: NodeClass, words: str) -> None:
    """Why a node is hot, unknown, quarantined or closed is said; that it is cold needs no excuse."""
    (found,) = standings(snapshot(node, policy=Policy()))
    assert (found.score.node_class, found.because) == (kind, words)
