"""Dominant shares."""

from __future__ import annotations

import pytest

from loadstar.core.shares import Capacity, Held


def test_the_scarcest_counts() -> None:
    """The share is the largest over resources; a Task that requests nothing still takes a Pod's place."""
    capacity, held = Capacity(), Held()
    assert capacity.put("a", {"cpu": 4000, "memory": 100, "pods": 10})
    assert capacity.put("b", {"cpu": 4000, "memory": 300, "pods": 10})
    held.add({"cpu": 800, "memory": 100})
    assert capacity.share(held) == pytest.approx(0.25)
    for _ in range(9):
        held.add({})
    assert capacity.share(held) == pytest.approx(0.5)
    held.add({"cpu": 800, "memory": 100}, -1)
    assert (held.requests, held.tasks) == ({}, 9)


def test_what_no_node_has_counts_for_nothing() -> None:
    """Nor do shares need any node at all."""
    capacity, held = Capacity(), Held()
    held.add({"example.com/gpu": 3})
    assert capacity.share(held) == 1.0
    capacity.put("a", {"cpu": 1000, "pods": 10})
    assert not capacity.put("a", {"cpu": 1000, "pods": 10}), "no news"
    assert capacity.share(held) == pytest.approx(0.1)
    assert capacity.drop("a")
    assert not capacity.drop("a")
