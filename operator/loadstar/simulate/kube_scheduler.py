"""kube-scheduler with its default profile, as far as it tells nodes apart: fit, LeastAllocated, BalancedAllocation.

It goes by requests alone and by those of every bound Pod, at once. A Pod that names no request counts as 100m and
200 MB in the score. Of nodes with equal scores, which are whole numbers, one is drawn. It looks at every node here;
the real one stops at a share of them in clusters of more than 100.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final

from loadstar.core.fit import no_room
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.simulate.job import Job
from loadstar.simulate.site import Chooser, Site, size_of

BARE_CPU: Final = 100
BARE_MEMORY: Final = 200 * 10**6
AFFINITY_WEIGHT: Final = 2


class KubeScheduler(Chooser):
    """Chooses by requests."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)
        self._bare: Counter[str] = Counter()

    def choose(self, job: Job, site: Site) -> str | None:
        """The least requested node."""
        requests = site.asked(job, self)
        if (size := size_of(requests)) in site.full:
            return None
        found = self.best(requests, site.ledger.nodes)
        if found is None:
            site.full.add(size)
        return found

    def best(
        self, requests: Quantities, nodes: Mapping[str, NodeView], preferred: Mapping[str, int] | None = None
    ) -> str | None:
        """The node with the highest score; `preferred`: weights of node affinity, from 1 to 100, of the only nodes that
        are allowed.
        """
        best, most, ties = None, -1, 0
        for name in preferred or nodes:
            view = nodes[name]
            if not view.node.ready or no_room(view, requests) is not None:
                continue
            points = self._points(view, requests)
            if preferred:
                points += AFFINITY_WEIGHT * preferred[name] * 100 // max(preferred.values())
            if points > most:
                best, most, ties = name, points, 1
            elif points == most:
                ties += 1
                if self._dice.random() * ties < 1:
                    best = name
        return best

    def placed(self, job: Job, node: str, site: Site) -> None:
        """Bound."""
        if not site.asked(job, self):
            self._bare[node] += 1

    def ended(self, job: Job, node: str, site: Site) -> None:
        """Ended."""
        if not site.asked(job, self):
            self._bare[node] -= 1

    def _points(self, view: NodeView, requests: Quantities) -> int:
        """LeastAllocated and BalancedAllocation with the Pod on the node: whole numbers from 0 to 100 each."""
        bare, has = self._bare[view.node.name], view.node.allocatable
        cpu = view.requested.get(CPU, 0) + bare * BARE_CPU + (requests.get(CPU) or BARE_CPU)
        memory = view.requested.get(MEMORY, 0) + bare * BARE_MEMORY + (requests.get(MEMORY) or BARE_MEMORY)
        cpus, bytes_ = has[CPU], has[MEMORY]
        least = (max(0, cpus - cpu) * 100 // cpus + max(0, bytes_ - memory) * 100 // bytes_) // 2
        deviation = abs(min(1.0, cpu / cpus) - min(1.0, memory / bytes_)) / 2
        return least + int((1 - deviation) * 100)
