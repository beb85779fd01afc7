"""Loadstar's own strategies: `place` of `core` on the ledger's snapshot, as the operator's cycle calls it."""

from __future__ import annotations

from typing import Final

from loadstar.core.decision import Decision, Unplaced
from loadstar.core.model import Strategy
from loadstar.core.placement import place, shown
from loadstar.core.quantity import Quantities
from loadstar.core.reasons import Reason
from loadstar.simulate.job import Job
from loadstar.simulate.kube_scheduler import KubeScheduler
from loadstar.simulate.meter import Reading
from loadstar.simulate.site import Site, Size, size_of

PREFERENCES: Final = (100, 60, 30)
"""The weights by which a Pod prefers the chosen node to those that are as good, as the operator writes them."""


class Loadstar:
    """A `Chooser`. What is left to kube-scheduler goes to the default one, as in a cluster."""

    def __init__(self, strategy: Strategy, seed: int) -> None:
        self._strategy = strategy
        self._kube = KubeScheduler(seed)
        self._refused: dict[Size, Unplaced] = {}
        self._unpinned: set[int] = set()

    def asks(self, job: Job) -> Quantities:
        """What is declared."""
        return job.declared

    def choose(self, job: Job, site: Site) -> str | None:
        """The node that `place` finds, where kube-scheduler has the last word between nodes that are as good."""
        requests = site.asked(job, self)
        if job.number in self._unpinned:
            return self._kube.choose(job, site)
        size = size_of(requests)
        request = site.request(job, requests, self._strategy)
        known = self._refused.get(size) if size in site.full else None
        decision: Decision = known or place(request, site.snapshot())
        if isinstance(decision, Unplaced):
            if decision.reason is Reason.WAITING_FOR_CAPACITY:
                site.full.add(size)
                self._refused[size] = decision
            decision = shown(decision, site.policy, site.now - job.arrival, len(self._unpinned))
        if isinstance(decision, Unplaced):
            return None
        if decision.node is None:
            self._unpinned.add(job.number)
            return self._kube.choose(job, site)
        if decision.strategy is Strategy.ROUND_ROBIN:
            site.ledger.serve(decision.node)
        named = (decision.node, *decision.others)
        if len(named) == 1:
            return decision.node
        return self._kube.best(requests, site.ledger.nodes, dict(zip(named, PREFERENCES, strict=False)))

    def placed(self, job: Job, node: str, site: Site) -> None:
        """Bound."""
        self._unpinned.discard(job.number)
        self._kube.placed(job, node, site)

    def ended(self, job: Job, node: str, site: Site) -> None:
        """Ended."""
        self._kube.ended(job, node, site)

    def killed(self, job: Job, node: str, site: Site) -> None:
        """It is placed anew."""

    def read(self, reading: Reading, site: Site) -> None:
        """The ledger has it."""
