"""What whoever chooses may look at: the ledger of `core`, kept by the same rules as the operator keeps it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, TypeAlias

from loadstar.core.classes import Use, class_of
from loadstar.core.fit import no_room
from loadstar.core.ledger import Ledger
from loadstar.core.model import Placement, Strategy, Worker
from loadstar.core.nodes import Charge
from loadstar.core.policy import Policy
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.core.request import Request
from loadstar.core.resources import NOTHING_LEARNED, Asks
from loadstar.core.snapshot import Snapshot
from loadstar.core.template import Template
from loadstar.simulate.job import Job
from loadstar.simulate.machine import Machine
from loadstar.simulate.meter import Reading

NOTHING: Final[Quantities] = {}
Size: TypeAlias = tuple[int, int]
"""Millicores and bytes that a Pod requests."""


def size_of(requests: Quantities) -> Size:
    """Of a Pod's requests."""
    return requests.get(CPU, 0), requests.get(MEMORY, 0)


class Chooser(ABC):
    """Chooses nodes, and is told what became of it; it need not listen."""

    def asks(self, job: Job) -> Quantities:
        """What the Pod requests: what is declared, unless the chooser knows better."""
        return job.declared

    @abstractmethod
    def choose(self, job: Job, site: Site) -> str | None:
        """A node that has room; None when the Task is to wait. Asked again in every cycle until there is one."""

    def placed(self, job: Job, node: str, site: Site) -> None:  # noqa: B027 - see above
        """The Task is bound to the node."""

    def ended(self, job: Job, node: str, site: Site) -> None:  # noqa: B027
        """It has ended there, or was lost."""

    def killed(self, job: Job, node: str, site: Site) -> None:  # noqa: B027
        """It was killed for memory; `ended` follows."""

    def read(self, reading: Reading, site: Site) -> None:  # noqa: B027
        """A sample has become known; the ledger has it already."""


class Site:
    """The cluster as it is known. `machines` is what truly is: for an oracle, and for nobody else."""

    def __init__(self, policy: Policy, machines: Mapping[str, Machine], *, fit: bool) -> None:
        """`fit`: Pods declare requests, so that nodes are full by them; else they declare nothing at all."""
        self.policy = policy
        self.machines = machines
        self.fit = fit
        self.now = 0.0
        self.ledger = Ledger()
        self._asked: dict[int, Quantities] = {}
        self.full: set[Size] = set()
        """Requests that no node has room for, until one becomes free."""
        self._uses: dict[str, tuple[Job, Use]] = {}
        self._workers: dict[tuple[str, Size], Worker] = {}
        self._templates: dict[tuple[int, Size, Strategy], Template] = {}
        for machine in machines.values():
            self.ledger.put_node(machine.host.node)
            requested = machine.host.requested
            if fit and requested:
                self.ledger.put(f"others-{machine.host.name}", Charge(machine.host.name, requested))

    def asked(self, job: Job, chooser: Chooser) -> Quantities:
        """What its Pod requests: what the chooser says, which may learn while the Task waits; once bound it stays."""
        found = self._asked.get(job.number)
        if found is not None:
            return found
        return chooser.asks(job) if self.fit else NOTHING

    def settle(self, job: Job, requests: Quantities) -> None:
        """It is decided what its Pod requests, whatever that was before."""
        self._asked[job.number] = requests

    def worker(self, job: Job) -> Worker:
        """What it runs, with what is declared: the class is by this, whatever is asked for."""
        declared = job.declared if self.fit else NOTHING
        key = (job.kind, size_of(declared))
        found = self._workers.get(key)
        if found is None:
            found = self._workers[key] = Worker(f"{key}".encode(), declared)
        return found

    def request(self, job: Job, requests: Quantities, strategy: Strategy) -> Request:
        """What is asked of `place`."""
        worker = self.worker(job)
        key = (id(worker), size_of(requests), strategy)
        template = self._templates.get(key)
        if template is None:
            learned = NOTHING_LEARNED if requests == worker.requests else Asks(requests)
            template = self._templates[key] = Template(worker, Placement(), (), (), strategy, learned)
        return Request(job.uid, template)

    def snapshot(self) -> Snapshot:
        """The nodes as they are known now."""
        return self.ledger.snapshot(self.policy, self.now)

    def bind(self, job: Job, node: str, requests: Quantities, started: float | None) -> None:
        """Charge the node for a Pod that is promised, or that runs since `started`."""
        self._asked[job.number] = requests
        worker = self.worker(job)
        kind, declared = class_of(worker), worker.requests
        expected = self.ledger.expected(kind, declared, started)
        self.ledger.put(job.uid, Charge(node, requests, expected, kind, declared))

    def freed(self, node: str) -> None:
        """Something has ended on the node: who was refused may have room there."""
        view = self.ledger.nodes[node]
        self.full = {size for size in self.full if no_room(view, {CPU: size[0], MEMORY: size[1]}) is not None}

    def take(self, reading: Reading) -> None:
        """Take in the sample of a node. What it has of Pods is kept until `learn`."""
        self.ledger.put_loads({reading.node: reading.load})
        self._uses.update(reading.uses)

    def learn(self) -> None:
        """Take in all that was measured of Pods since the last time, of all nodes at once: as the operator reads it."""
        uses, self._uses = self._uses, {}
        self.ledger.put_uses({uid: (class_of(self.worker(job)), use) for uid, (job, use) in uses.items()})
