"""Who holds how much of the cluster: dominant shares, by which the one goes first that has the least for its weight.

The dominant share is the largest, over the resources that nodes have, of what is held of all that there is. Pods are
one of these resources, so that Tasks that request nothing count too. (Dominant resource fairness, Ghodsi et al. 2011.)
"""

from __future__ import annotations

from collections.abc import Mapping

from loadstar.core.quantity import PODS, Quantities


class Held:
    """What some Tasks that hold a node request together, and how many they are."""

    __slots__ = ("requests", "tasks")

    def __init__(self) -> None:
        self.tasks = 0
        self.requests: dict[str, int] = {}

    def add(self, requests: Quantities, sign: int = 1, tasks: int = 1) -> None:
        """Count a Task in, or so many that request this together; or out (`sign` -1)."""
        self.tasks += sign * tasks
        for name, value in requests.items():
            total = self.requests.get(name, 0) + sign * value
            if total:
                self.requests[name] = total
            else:
                self.requests.pop(name, None)


class Capacity:
    """What all nodes offer together."""

    def __init__(self) -> None:
        self._nodes: dict[str, Quantities] = {}
        self.total: dict[str, int] = {}

    def put(self, node: str, allocatable: Quantities) -> bool:
        """Take in a node; True when that changes the total."""
        known = self._nodes.get(node)
        if known == allocatable:
            return False
        self._count(known or {}, -1)
        self._count(allocatable, 1)
        self._nodes[node] = allocatable
        return True

    def drop(self, node: str) -> bool:
        """A node is gone; True when that changes the total."""
        known = self._nodes.pop(node, None)
        self._count(known or {}, -1)
        return bool(known)

    def share(self, held: Held) -> float:
        """The dominant share, 0 to 1; where no node is known, as if there were one Pod's room in all."""
        return dominant(self.total or {PODS: 1}, held)

    def _count(self, quantities: Quantities, sign: int) -> None:
        for name, value in quantities.items():
            self.total[name] = self.total.get(name, 0) + sign * value


def dominant(total: Mapping[str, int], held: Held) -> float:
    """The largest share of any resource; one of which there is none counts for nothing."""
    share = held.tasks / total[PODS] if total.get(PODS) else 0.0
    for name, value in held.requests.items():
        there = total.get(name)
        if there and value > share * there:
            share = value / there
    return share
