"""Loadstar with learned requests: the core's rule, on profiles learned from the samples that a run's meters give."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from loadstar.core.decision import Decision, Placed, Unplaced
from loadstar.core.learning import asked, rule
from loadstar.core.model import Strategy, TaskStatus
from loadstar.core.placement import place
from loadstar.core.profile import Profile, Run, learned
from loadstar.core.quantity import MEMORY
from loadstar.core.resources import NOTHING_LEARNED, Asks, Resources
from loadstar.core.usage import UNMEASURED, Usage, taken
from loadstar.simulate.job import Job
from loadstar.simulate.loadstar import Loadstar
from loadstar.simulate.meter import Reading
from loadstar.simulate.site import Site

UNTOLD: Final = TaskStatus()


class Learned(Loadstar):
    """A Task that was killed for memory below what it declares asks for that from then on."""

    def __init__(self, strategy: Strategy, seed: int, cpu: float = 1.0) -> None:
        """`cpu`: times what the rule asks for of CPU, to see what a margin does."""
        super().__init__(strategy, seed)
        self._cpu = cpu
        self._profiles: dict[str, Profile] = {}
        self._asks: dict[str, Asks] = {}
        self._usages: dict[str, Usage] = {}
        self._started: dict[str, float] = {}
        self._statuses: dict[str, TaskStatus] = {}
        self._at = -1.0
        self._waits: dict[tuple[object, ...], Unplaced] = {}

    def decide(self, job: Job, site: Site) -> Decision:
        """What `place` says for what was learned; of what waits the answer is the same for a whole cycle."""
        if self._at != site.now:
            self._at = site.now
            self._waits.clear()
        status = self._statuses.get(job.uid, UNTOLD)
        asks = asked(job.declared, self._asks.get(job.kind, NOTHING_LEARNED), status)
        key = job.kind, *sorted(asks.requests.items())
        if key in self._waits:
            return self._waits[key]
        request = site.request(job, {**job.declared, **asks.requests}, self.strategy)
        decision = place(request, site.snapshot())
        if isinstance(decision, Unplaced):
            self._waits[key] = decision
        return decision

    def settle(self, job: Job, decision: Placed, site: Site) -> None:
        """What `place` let it ask for."""
        site.settle(job, {**job.declared, **decision.learned.requests})

    def ended(self, job: Job, node: str, site: Site) -> None:
        """What it was seen to use is learned, unless it was lost."""
        super().ended(job, node, site)
        usage, started = self._usages.pop(job.uid, UNMEASURED), self._started.pop(job.uid, None)
        if started is not None:
            self._learn(job, Run(job.kind, usage, site.now, job.declared, site.asked(job, self), site.now - started))

    def killed(self, job: Job, node: str, site: Site) -> None:
        """Free once, if it asked for less memory than it declares; the class learns."""
        del node
        requests = site.asked(job, self)
        usage = self._usages.pop(job.uid, UNMEASURED)
        self._started.pop(job.uid, None)
        if requests.get(MEMORY, 0) < job.declared.get(MEMORY, 0):
            self._statuses[job.uid] = TaskStatus(
                resources=Resources(job.declared, requests, killed=requests.get(MEMORY))
            )
            self._learn(job, Run(job.kind, usage, site.now, job.declared, requests, oom=True))

    def read(self, reading: Reading, site: Site) -> None:
        """Samples of its Pods, as a real source gives them."""
        del site
        for uid, (_, use) in reading.uses.items():
            started = self._started.setdefault(uid, use.timestamp - use.window)
            self._usages[uid] = taken(self._usages.get(uid, UNMEASURED), use, started)

    def _learn(self, job: Job, run: Run) -> None:
        profile = self._profiles[job.kind] = learned(self._profiles.get(job.kind), run)
        asks = rule(profile)
        if self._cpu != 1.0 and "cpu" in asks.requests:
            asks = replace(asks, requests={**asks.requests, "cpu": round(asks.requests["cpu"] * self._cpu)})
        self._asks[job.kind] = asks
