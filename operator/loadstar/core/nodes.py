"""A node as placing sees it: its load, what all Pods on it request, and what ours add to its samples.

`ledger` keeps nodes up to date; nothing here changes by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from loadstar.core.deviation import UNSEEN, Deviation
from loadstar.core.model import NOTHING_MEASURED, Load, Node, Sample
from loadstar.core.quantity import CPU, MEMORY, PODS, Quantities
from loadstar.core.reservations import Added, Reservation, settled

_RESOURCES: Final = ("cpu", "memory", "io")


@dataclass(frozen=True, slots=True)
class Charge:
    """A Pod, or the promise of one, on a node. Others' Pods have no reservation: the sample has them.

    One whose reservation is finished takes no room; it is kept for what samples still have of it. `kind` is its
    class, empty where that is not known. `declared`: what its Task declares, where its Pod asks for something else: use
    is learned as a ratio to that.
    """

    node: str
    requests: Quantities
    reservation: Reservation | None = None
    kind: str = ""
    declared: Quantities | None = None

    @property
    def over(self) -> bool:
        """True when the Pod has ended."""
        return self.reservation is not None and self.reservation.finished is not None


@dataclass(slots=True)
class NodeView:
    """A node with its load, what all Pods on it request, and what ours add to the samples, by the charge's id.

    `ended`: those of our Pods that samples may still have; `cpu`, `memory`, `io`: how its samples move about;
    `slowdown`: how much less our Pods here get of the CPU than others of their classes; `failing`: it is quarantined.
    """

    node: Node
    load: Load | None = None
    requested: dict[str, int] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    ended: dict[str, Reservation] = field(default_factory=dict)
    cpu: Deviation = UNSEEN
    memory: Deviation = UNSEEN
    io: Deviation = UNSEEN
    slowdown: float = 1.0
    failing: bool = False
    _added: Added | None = None
    _open: dict[str, Reservation] = field(default_factory=dict)

    def add(self, identity: str, charge: Charge) -> None:
        """Count a Pod in."""
        if not charge.over:
            self._count(charge, 1)
        res = charge.reservation
        if res is not None:
            (self.ended if charge.over else self.reservations)[identity] = res
            if self._added is not None:
                self._added.count(res, self.load or NOTHING_MEASURED, 1)
                self._open[identity] = res

    def take(self, identity: str, charge: Charge) -> None:
        """Count a Pod out."""
        if not charge.over:
            self._count(charge, -1)
        res = charge.reservation
        if res is not None:
            (self.ended if charge.over else self.reservations).pop(identity, None)
            if self._added is not None and self._open.pop(identity, None) is not None:
                self._added.count(res, self.load or NOTHING_MEASURED, -1)

    def measure(self, load: Load) -> list[str]:
        """Take in samples. Returns the ids of ended Pods that no sample has any more."""
        known = self.load or NOTHING_MEASURED
        self.load = load
        if any(_steps_back(getattr(known, name), getattr(load, name)) for name in _RESOURCES):
            self._added = None
        capacity = self.node.allocatable
        self.cpu = _seen(self.cpu, known.cpu, load.cpu, capacity.get(CPU, 0) / 1000)
        self.memory = _seen(self.memory, known.memory, load.memory, capacity.get(MEMORY, 0))
        self.io = _seen(self.io, known.io, load.io, 1.0)
        self._recount()
        return [identity for identity in self.ended if identity not in self._open]

    def added(self) -> Added:
        """What the samples lack of our own Pods."""
        return self._added or self._recount()

    def _recount(self) -> Added:
        load = self.load or NOTHING_MEASURED
        known = self._open if self._added is not None else {**self.reservations, **self.ended}
        self._open = {identity: res for identity, res in known.items() if not settled(res, load)}
        self._added = Added(self._open.values(), load)
        return self._added

    def _count(self, charge: Charge, sign: int) -> None:
        for name, value in (*charge.requests.items(), (PODS, 1)):
            total = self.requested.get(name, 0) + sign * value
            if total:
                self.requested[name] = total
            else:
                self.requested.pop(name, None)


def _steps_back(known: Sample | None, sample: Sample | None) -> bool:
    """True when what an earlier sample had settled is open again."""
    return sample is not None and (known is None or sample.timestamp - sample.window < known.timestamp - known.window)


def _seen(deviation: Deviation, known: Sample | None, sample: Sample | None, capacity: float) -> Deviation:
    if sample is None or capacity <= 0 or (known is not None and sample.timestamp <= known.timestamp):
        return deviation
    return deviation.seen(sample.value / capacity)
