"""Counting the nodes that a Task cannot have."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given

from loadstar.core.census import LOOKED_AT, count, rejected
from loadstar.core.fit import Cause, reject
from loadstar.core.placement import Placed, place
from loadstar.core.policy import Policy
from tests.unit.core.builders import NOW, request, snapshot, taint, view
from tests.unit.core.test_shapes import NODES, REQUESTS, world


@given(NODES, REQUESTS)
def test_among_few_nodes_the_count_is_exact(nodes: list[dict[str, Any]], kind: dict[str, Any]) -> None:
    """What groups and boxes tell by the count is what looking at each node tells."""
    now, own = world(nodes).snapshot(Policy(), NOW), request(**kind)
    expected = Counter(found.cause for item in now.nodes.values() if (found := reject(item, own)) is not None)
    assert count(own, now) == expected


def test_among_many_nodes_room_is_not_counted() -> None:
    """Readiness, cordons, taints and what is to be avoided are; looking for room would cost what there are of nodes."""
    nodes = [view(f"n{number}", requested={"cpu": 3990}) for number in range(LOOKED_AT)]
    nodes += [view("off", ready=False), view("cordoned", unschedulable=True), view("tainted", taints=(taint(),))]
    now = snapshot(*nodes, view("free"))
    assert rejected(request(), now) == "1 cordoned, 1 not Ready, 1 with a taint that is not tolerated"
    assert count(request(avoid=frozenset({"n7", "nobody"})), now)[Cause.AVOIDED] == 1


def test_a_placement_tells_of_the_nodes_that_were_out() -> None:
    """The most frequent cause comes first; where every node would do, nothing is said."""
    nodes = [view("a"), view("b", ready=False), *(view(f"c{n}", unschedulable=True) for n in range(2))]
    placed = place(request(), snapshot(*nodes, view("full", requested={"cpu": 3990})))
    assert isinstance(placed, Placed)
    assert placed.rejected == "2 cordoned, 1 not Ready, 1 without room for the request now"
    every = place(request(), snapshot(view("a"), view("b")))
    assert isinstance(every, Placed)
    assert every.rejected == ""
