"""What every rival of the benchmark has in common: whom it may not place on, and what it remembers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from math import inf
from random import Random

from loadstar.core.classes import DEFAULT_CPU, DEFAULT_MEMORY
from loadstar.core.fit import no_room
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.simulate.job import Job
from loadstar.simulate.site import Chooser, Site, size_of


class Rival(Chooser):
    """Takes the node of the lowest cost among those with room; chance decides between equals."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)

    def choose(self, job: Job, site: Site) -> str | None:
        """The node of the lowest cost."""
        requests = site.asked(job, self)
        if (size := size_of(requests)) in site.full:
            return None
        best, least, ties = None, inf, 0
        for view in open_views(site, requests):
            cost = self.cost(view, job, requests, site)
            if cost < least:
                best, least, ties = view.node.name, cost, 1
            elif cost == least:
                ties += 1
                if self.dice.random() * ties < 1:
                    best = view.node.name
        if best is None:
            site.full.add(size)
        return best

    @abstractmethod
    def cost(self, view: NodeView, job: Job, requests: Quantities, site: Site) -> float:
        """How bad the node is for the Task."""


def open_views(site: Site, requests: Quantities) -> Iterator[NodeView]:
    """The nodes that have room by requests."""
    return (view for view in site.ledger.nodes.values() if view.node.ready and no_room(view, requests) is None)


def shares(view: NodeView) -> tuple[float, float] | None:
    """CPU and memory of the last sample as shares of the node; None where there is none."""
    load = view.load
    if load is None or load.cpu is None or load.memory is None:
        return None
    has = view.node.allocatable
    return load.cpu.value * 1000 / has[CPU], load.memory.value / has[MEMORY]


def estimate_of(requests: Quantities) -> tuple[float, float]:
    """Millicores and bytes that a Pod is taken for; one that declares nothing as Koordinator and Volcano have it."""
    return requests.get(CPU) or DEFAULT_CPU, requests.get(MEMORY) or DEFAULT_MEMORY
