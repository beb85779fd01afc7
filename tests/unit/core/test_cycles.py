"""Cycles: found where there is one, by the shortest way, and not looked for further than the smaller side goes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core.cycles import Step, ring, way
from loadstar.core.waiting import Key

EDGES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20)


def key(number: int) -> Key:
    return "ns", str(number)


def steps(edges: set[tuple[int, int]]) -> tuple[Step, Step]:
    def ahead(at: Key) -> Iterator[Key]:
        return iter(sorted(key(b) for a, b in edges if key(a) == at))

    def behind(at: Key) -> Iterator[Key]:
        return iter(sorted(key(a) for a, b in edges if key(b) == at))

    return ahead, behind


def distances(edges: set[tuple[int, int]], start: int) -> dict[int, int]:
    """How many steps lead from a point to each that it reaches, by as many rounds as there are points."""
    found = {b: 1 for a, b in edges if a == start}
    for _ in range(8):
        for a, b in edges:
            if a in found and found[a] + 1 < found.get(b, 99):
                found[b] = found[a] + 1
    return found


@settings(deadline=None)
@given(EDGES)
def test_a_ring_is_what_reaches_and_is_reached(edges: set[tuple[int, int]]) -> None:
    """Exactly the points on some cycle through the start; none when it does not reach itself."""
    ahead, behind = steps(edges)
    reach = {number: set(distances(edges, number)) for number in range(8)}
    for start in range(8):
        expected = {key(other) for other in reach[start] if start in reach[other]} if start in reach[start] else set()
        assert ring(key(start), ahead, behind) == expected


@settings(deadline=None)
@given(EDGES, st.sets(st.integers(0, 7)))
def test_a_way_is_the_shortest_that_is_allowed(edges: set[tuple[int, int]], closed: set[int]) -> None:
    """Each step is an edge, no point between is closed, and no shorter way exists."""
    ahead, _ = steps(edges)
    for start in range(8):
        passable = {(a, b) for a, b in edges if a == start or a not in closed}
        found = way(key(start), ahead, lambda at: int(at[1]) not in closed)
        length = distances(passable, start).get(start)
        assert len(found) == (0 if length is None else length + 1)
        if found:
            assert found[0] == found[-1] == key(start)
            assert all(other in ahead(one) for one, other in pairwise(found))


def test_a_large_side_is_not_walked_when_the_other_is_small() -> None:
    """A point that nothing leads to costs one look, whatever it leads to."""
    looked = 0

    def ahead(at: Key) -> Iterator[Key]:
        nonlocal looked
        for number in range(int(at[1]) + 1, 1000):
            looked += 1
            yield key(number)

    assert ring(key(0), ahead, lambda _: iter(())) == set()
    assert looked <= 1
