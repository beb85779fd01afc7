"""Whose turn it is: smooth weighted round robin. A node of twice the weight is served twice as often, evenly spaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sortedcontainers import SortedList, SortedSet

from loadstar.core.model import Node
from loadstar.core.quantity import CPU

MOST_WEIGHT: Final = 1e6


class Turns:
    """A node's next turn is one weight-th of a round after its last, the first after half of that.

    A node that is new, or could not be served for some time, is served soon, but not for all that it missed. `names`
    are the nodes in a fixed order, to draw from.
    """

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._weights: dict[str, float] = {}
        self._order: SortedSet[tuple[float, str]] = SortedSet()
        self._heavy: SortedList[float] = SortedList()
        self.names: SortedList[str] = SortedList()
        self._at = 0.0

    def put(self, name: str, weight: float) -> None:
        """Take in a node or its new weight, more than 0."""
        known = self._weights.get(name)
        if known == weight:
            return
        self.drop(name)
        self._weights[name] = weight
        self._heavy.add(weight)
        self.names.add(name)
        self._set(name, self._at + 0.5 / weight)

    def drop(self, name: str) -> None:
        """A node is gone."""
        weight = self._weights.pop(name, None)
        if weight is not None:
            self._heavy.remove(weight)
            self.names.remove(name)
            self._order.remove((self._due.pop(name), name))

    def serve(self, name: str) -> None:
        """It was this node's turn."""
        weight = self._weights.get(name)
        if weight is None:
            return
        due = self._due[name]
        self._order.remove((due, name))
        self._at = max(self._at, due)
        self._set(name, self._at + 1 / weight)

    def line_up(self, names: Iterable[str]) -> None:
        """The next turns of these nodes, which are known, are in this order, before all others'."""
        first = list(names)
        for number, name in enumerate(first):
            self._order.remove((self._due[name], name))
            self._set(name, float(number - len(first)))

    @property
    def heaviest(self) -> float:
        """The largest weight; 0 without nodes."""
        return self._heavy[-1] if self._heavy else 0.0

    def __iter__(self) -> Iterator[str]:
        """The nodes, the next one first."""
        return (name for _, name in self._order)

    def _set(self, name: str, due: float) -> None:
        self._due[name] = due
        self._order.add((due, name))


def base_weight(node: Node) -> float:
    """What the node's annotation says, else its cores."""
    weight = node.base_weight if node.base_weight is not None else node.allocatable.get(CPU, 0) / 1000
    return min(MOST_WEIGHT, max(1 / MOST_WEIGHT, weight))
