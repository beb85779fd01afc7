"""The cluster at one instant, as a placement sees it: nodes with their load, what is requested of them, what ours add.

`ledger` keeps the nodes up to date; nothing here changes by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from loadstar.core.model import Load, Node, Policy
from loadstar.core.quantity import CPU, MEMORY, PODS, Quantities


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one of our own Pods adds to a node; `started` None = not running yet."""

    cpu: int
    memory: int
    started: float | None = None


DEFAULT_CPU = 250
DEFAULT_MEMORY = 200 * 2**20


def reservation(requests: Quantities, started: float | None = None) -> Reservation:
    """The expected use of a Pod with these requests: the requests, else 250m and 200Mi where it names none."""
    return Reservation(cpu=requests.get(CPU, DEFAULT_CPU), memory=requests.get(MEMORY, DEFAULT_MEMORY), started=started)


@dataclass(frozen=True, slots=True)
class Charge:
    """A Pod, or the promise of one, on a node. Others' Pods have no reservation: the sample has them."""

    node: str
    requests: Quantities
    reservation: Reservation | None = None


@dataclass(slots=True)
class NodeView:
    """A node with its load, what all Pods on it request, and what ours add to the sample, by the charge's id."""

    node: Node
    load: Load | None = None
    requested: dict[str, int] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)

    def add(self, identity: str, charge: Charge) -> None:
        """Count a Pod in."""
        self._count(charge, 1)
        if charge.reservation is not None:
            self.reservations[identity] = charge.reservation

    def take(self, identity: str, charge: Charge) -> None:
        """Count a Pod out."""
        self._count(charge, -1)
        self.reservations.pop(identity, None)

    def _count(self, charge: Charge, sign: int) -> None:
        for name, value in (*charge.requests.items(), (PODS, 1)):
            total = self.requested.get(name, 0) + sign * value
            if total:
                self.requested[name] = total
            else:
                self.requested.pop(name, None)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All nodes by name, the policy, and the instant; `ranked`: the names, best first, where there are many."""

    nodes: Mapping[str, NodeView]
    policy: Policy
    now: float
    ranked: Iterable[str] | None = None
