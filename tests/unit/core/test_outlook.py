"""When a Task that waits for room may begin."""

from __future__ import annotations

import pytest

from loadstar.core.outlook import Ending, Start, earliest
from tests.unit.core.builders import GI, NOW, request, snapshot, view, worker

HALF = {"cpu": 2000, "memory": 4 * GI}
FULL = {"cpu": 4000, "memory": 8 * GI, "pods": 2}
WANTS = request(worker=worker(3000, 2 * GI))


def test_it_begins_when_enough_has_ended() -> None:
    """On the node where that is soonest, after as many ends as it takes."""
    world = snapshot(view("a", requested=FULL), view("b", requested=FULL))
    ends = [Ending(NOW + at, node, HALF) for node, at in [("a", 10), ("a", 90), ("b", 30), ("b", 40)]]
    assert earliest(WANTS, world, ends) == Start(NOW + 40, "b", 2)


@pytest.mark.parametrize(
    "ends",
    [[], [Ending(NOW + 10, "a", HALF)], [Ending(NOW - 1, "a", HALF)] * 2, [Ending(NOW + 1, "gone", FULL)] * 2],
    ids=["nothing ends", "not enough does", "it is late", "elsewhere"],
)
def test_where_nothing_is_known_nothing_is_said(ends: list[Ending]) -> None:
    """One that is late may run for ever."""
    assert earliest(WANTS, snapshot(view("a", requested=FULL)), ends) is None


def test_a_node_that_never_takes_it_does_not_count() -> None:
    """However much ends there."""
    cordoned = view("a", requested=FULL, unschedulable=True)
    assert earliest(WANTS, snapshot(cordoned), [Ending(NOW + 1, "a", FULL)]) is None
