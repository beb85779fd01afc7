"""Cycles in a graph that is given by its steps: whether one goes through a point, and the shortest way round.

Whose fault a cycle is, is `graph`'s to say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

from loadstar.core.waiting import Key

Step: TypeAlias = Callable[[Key], Iterator[Key]]


def ring(start: Key, ahead: Step, behind: Step) -> set[Key]:
    """All points from which this one is reached and which it reaches; empty when it is on no cycle.

    Both sides are looked at in turn, and that there is none is known with the end of the smaller one.
    """
    for back, forth in zip(_walk(start, behind), _walk(start, ahead), strict=False):
        if start in {back, forth}:
            return set(_walk(start, ahead)) & set(_walk(start, behind))
    return set()


def way(start: Key, ahead: Step, allowed: Callable[[Key], bool]) -> tuple[Key, ...]:
    """The shortest way from a point to itself by way of allowed ones, both ends told; empty when there is none."""
    came: dict[Key, Key] = {}
    work = deque([start])
    while work:
        key = work.popleft()
        for onward in ahead(key):
            if onward == start:
                found = [start, key]
                while found[-1] != start:
                    found.append(came[found[-1]])
                return tuple(reversed(found))
            if onward not in came and allowed(onward):
                came[onward] = key
                work.append(onward)
    return ()


def _walk(start: Key, step: Step) -> Iterator[Key]:
    """The end of every edge that can be reached."""
    seen, work = {start}, [start]
    while work:
        for key in step(work.pop()):
            yield key
            if key not in seen:
                seen.add(key)
                work.append(key)
