"""The cluster at one instant, as a placement cycle sees it, with what the cycle itself has already promised.

The store builds it; `assume` is the only change, so that each placement of a cycle counts for the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loadstar.core.model import Load, Node, Policy
from loadstar.core.quantity import CPU, MEMORY, PODS, Quantities


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one of our own Pods adds to a node; `started` None = not running yet."""

    task_uid: str
    cpu: int
    memory: int
    started: float | None = None


DEFAULT_CPU = 250
DEFAULT_MEMORY = 200 * 2**20


def reservation(task_uid: str, requests: Quantities, started: float | None = None) -> Reservation:
    """The expected use of a Pod with these requests: the requests, else 250m and 200Mi where it names none."""
    return Reservation(
        task_uid=task_uid,
        cpu=requests.get(CPU, DEFAULT_CPU),
        memory=requests.get(MEMORY, DEFAULT_MEMORY),
        started=started,
    )


@dataclass(slots=True)
class NodeView:
    """A node with its load, what all Pods on it request, and what ours add to the sample."""

    node: Node
    load: Load | None = None
    requested: dict[str, int] = field(default_factory=dict)
    reservations: list[Reservation] = field(default_factory=list)

    def assume(self, task_uid: str, requests: Quantities) -> None:
        """Count a Pod with these requests as if it were here."""
        for name, value in requests.items():
            self.requested[name] = self.requested.get(name, 0) + value
        self.requested[PODS] = self.requested.get(PODS, 0) + 1
        self.reservations.append(reservation(task_uid, requests))


@dataclass(slots=True)
class Snapshot:
    """All nodes by name, the policy, and the instant."""

    nodes: dict[str, NodeView]
    policy: Policy
    now: float
