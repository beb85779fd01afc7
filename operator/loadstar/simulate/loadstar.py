"""Loadstar's own strategies: `place` of `core` on the ledger's snapshot, as the operator's cycle calls it."""

from __future__ import annotations

from typing import Final

from loadstar.core.decision import Decision, Placed, Unplaced
from loadstar.core.model import Strategy
from loadstar.core.placement import place, shown
from loadstar.core.reasons import Reason
from loadstar.simulate.job import Job
from loadstar.simulate.kube_scheduler import KubeScheduler
from loadstar.simulate.site import Chooser, Site, Size, size_of

PREFERENCES: Final = (100, 60, 30)
"""The weights by which a Pod prefers the chosen node to those that are as good, as the operator writes them."""


class Loadstar(Chooser):
    """What is left to kube-scheduler goes to the default one, as in a cluster."""

    def __init__(self, strategy: Strategy, seed: int) -> None:
        self.strategy = strategy
        self._kube = KubeScheduler(seed)
        self._refused: dict[Size, Unplaced] = {}
        self._unpinned: set[int] = set()

    def choose(self, job: Job, site: Site) -> str | None:
        """The node that `place` finds, where kube-scheduler has the last word between nodes that are as good."""
        if job.number in self._unpinned:
            return self._kube.choose(job, site)
        decision = self.decide(job, site)
        if isinstance(decision, Unplaced):
            decision = shown(decision, site.policy, site.now - job.arrival, len(self._unpinned))
        if isinstance(decision, Unplaced):
            return None
        self.settle(job, decision, site)
        if decision.node is None:
            self._unpinned.add(job.number)
            return self._kube.choose(job, site)
        if decision.strategy is Strategy.ROUND_ROBIN:
            site.ledger.serve(decision.node)
        named = (decision.node, *decision.others)
        if len(named) == 1:
            return decision.node
        requests = site.asked(job, self)
        return self._kube.best(requests, site.ledger.nodes, dict(zip(named, PREFERENCES, strict=False)))

    def decide(self, job: Job, site: Site) -> Decision:
        """What `place` says; what no node has room for is not asked about again until room becomes free."""
        requests = site.asked(job, self)
        size = size_of(requests)
        if size in site.full and size in self._refused:
            return self._refused[size]
        decision = place(site.request(job, requests, self.strategy), site.snapshot())
        if isinstance(decision, Unplaced) and decision.reason is Reason.WAITING_FOR_CAPACITY:
            site.full.add(size)
            self._refused[size] = decision
        return decision

    def settle(self, job: Job, decision: Placed, site: Site) -> None:
        """It is decided what the Pod requests: nothing but what it asked for."""

    def placed(self, job: Job, node: str, site: Site) -> None:
        """Bound."""
        self._unpinned.discard(job.number)
        self._kube.placed(job, node, site)

    def ended(self, job: Job, node: str, site: Site) -> None:
        """Ended."""
        self._kube.ended(job, node, site)
