"""Rivals of one line: chance, the seed's rule on samples alone, and the one that knows everything."""

from __future__ import annotations

from bench.placement.rival import Rival, shares
from loadstar.core.model import Weights
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import Quantities
from loadstar.core.scoring import LARGEST_TERM, normalised
from loadstar.simulate.job import Job
from loadstar.simulate.site import Site

HOT = 0.85
UNMEASURED = 1e6


class Chance(Rival):
    """Any node with room, each as likely."""

    def cost(self, view: NodeView, job: Job, requests: Quantities, site: Site) -> float:
        """No node is worse."""
        return 0.0


class Seed(Rival):
    """The lowest 0.5·cpu + 0.3·memory + 0.2·io of the last sample, and nothing of what was placed since."""

    def cost(self, view: NodeView, job: Job, requests: Quantities, site: Site) -> float:
        """The LoadScore as first written."""
        found = shares(view)
        if found is None or view.load is None:
            return UNMEASURED
        io = view.load.io
        weights = normalised(Weights(), io_known=io is not None)
        return weights.cpu * found[0] + weights.memory * found[1] + weights.io * (io.value if io else 0.0)


class Oracle(Rival):
    """Knows what every node and every Task truly uses now, also of those whose containers do not run yet.

    It ranks as LoadAware does, so what it gains over that is what better knowledge would gain.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._coming: dict[str, dict[int, Job]] = {}

    def cost(self, view: NodeView, job: Job, requests: Quantities, site: Site) -> float:
        """The rank by the truth; hot nodes last."""
        name = view.node.name
        machine = site.machines[name]
        coming = self._coming.get(name)
        cpu, memory, io = machine.cpu + job.cpu, machine.memory + job.memory, machine.io + job.io
        if coming:
            for number in [number for number in coming if number in machine.jobs]:
                del coming[number]
            cpu += sum(other.cpu for other in coming.values())
            memory += sum(other.memory for other in coming.values())
            io += sum(other.io for other in coming.values())
        cpu, memory = cpu / machine.host.cores, memory / machine.host.memory
        io /= machine.host.disk
        weights, worst = Weights(), max(cpu, memory, io)
        rank = weights.cpu * cpu + weights.memory * memory + weights.io * io + LARGEST_TERM * worst
        return rank + (100 if worst > HOT else 0)

    def placed(self, job: Job, node: str, site: Site) -> None:
        """On its way."""
        self._coming.setdefault(node, {})[job.number] = job

    def ended(self, job: Job, node: str, site: Site) -> None:
        """Over, whether it was seen to run or not."""
        self._coming.get(node, {}).pop(job.number, None)
