"""Why a Task would go to a node, or would not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.account import account, lines, verdict
from loadstar.core.nodes import NodeView
from loadstar.core.placement import Placed, place
from loadstar.core.policy import Policy
from loadstar.core.reservations import Reservation
from loadstar.core.snapshot import Snapshot
from tests.unit.core.builders import GI, request, snapshot, view


def told(now: Snapshot, asked: str, beside: str | None = None) -> str:
    first = account(now.nodes[asked], request(), now)
    return verdict(first, None if beside is None else account(now.nodes[beside], request(), now))


def test_a_node_is_told_term_by_term() -> None:
    """Measured, reserved, the margin and the Task's own share add up to what counts; what is not measured is named."""
    now = snapshot(view("a", 0.2, 0.1, reservations=[Reservation(400, GI)]))
    assert lines(account(now.nodes["a"], request(), now)) == [
        "class    Cold",
        "cpu      0.325 = measured 0.200 + reserved 0.100 + margin 0.000 + this Task 0.025",
        "memory   0.233 = measured 0.100 + reserved 0.125 + margin 0.000 + this Task 0.008",
        "io       not measured: its weight goes to the others",
        "score    0.290 = 0.625·cpu 0.325 + 0.375·memory 0.233, io not measured; ranked at 0.453; sample 5 s old",
    ]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (view("a", unschedulable=True), "a cannot take it: it is cordoned"),
        (view("a", requested={"cpu": 3950}), "a cannot take it: it is without room for the request now (cpu 50m free)"),
        (view("a", 0.9), "b is better by load: Cold comes before Hot (cpu 0.93 over 0.85)"),
        (view("a", cpu=None), "b is better by load: Cold comes before Unknown (no CPU sample, no memory sample)"),
        (view("a", 0.5), "b is better by load: its rank is 0.294, that of a 0.631"),
        (view("a", 0.1), "a is better by load: its rank is 0.181, that of b 0.294"),
        (view("a", 0.2), "is better by load: they are equal, and a hash of their names decides"),
    ],
)
def test_what_decides_between_two_is_said(node: NodeView, words: str) -> None:
    """What the node lacks, else its class with its cause, else the rank of both."""
    assert words in told(snapshot(node, view("b", 0.2)), "a", "b")


def test_beside_a_node_that_is_out_or_is_itself() -> None:
    """The node that it had may be closed by now; a node beside itself needs no comparison."""
    now = snapshot(view("a"), view("b", ready=False))
    assert told(now, "a", "b") == "a can take it, and b cannot: it is not Ready"
    assert told(now, "a", "a") == told(now, "a") == "a can take it"


def test_where_the_task_is_it_counts_once() -> None:
    """Its Pod is in the sample and holds its room there: it adds nothing more, and does not stand in its own way."""
    now = snapshot(view("a", 0.2, requested={"cpu": 3950}))
    here = account(now.nodes["a"], request(), now, here=True)
    assert here.rejection is None
    assert here.own_cpu == 0.0
    assert here.score.cpu == pytest.approx(0.2)
    assert account(now.nodes["a"], request(), now).rejection is not None


@given(st.lists(st.tuples(st.none() | st.floats(0, 1.2), st.booleans()), min_size=2, max_size=6))
def test_the_words_agree_with_the_choice(nodes: list[tuple[float | None, bool]]) -> None:
    """Of the chosen node and any other, the one that is said to be better is the chosen one."""
    views = [view(f"n{n}", cpu, unschedulable=shut) for n, (cpu, shut) in enumerate(nodes)]
    now = snapshot(*views, policy=Policy())
    decision = place(request(), now)
    if isinstance(decision, Placed) and decision.node:
        for other in now.nodes.keys() - {decision.node}:
            text = told(now, other, decision.node)
            assert text.startswith((f"{decision.node} is better", f"{other} cannot take it"))
