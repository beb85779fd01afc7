"""What every node holds, kept up to date change by change, so that a placement costs the same on 10 nodes and on 5,000.

A charge is a Pod or a promised Pod under an id; putting it again moves it, so whoever keeps the ledger need not know
what was there before. The order of the nodes is brought up to date when it is asked for, for those that changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, replace
from typing import Final

from sortedcontainers import SortedSet

from loadstar.core.model import NOTHING_MEASURED, Load, Node, Policy, Sample
from loadstar.core.scoring import CLASS_ORDER, score
from loadstar.core.snapshot import Charge, NodeView, Snapshot

AGING_SECONDS: Final = 5.0
"""How often samples are looked at for having become stale unnoticed."""
RANKED_FROM: Final = 100
"""Below so many nodes every one is looked at for every Task."""

_RESOURCES: Final = tuple(field.name for field in fields(Load))
_Standing = tuple[int, float, str]


class Ledger:
    """Nodes, their loads and their charges."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeView] = {}
        self.loads: dict[str, Load] = {}
        self._charges: dict[str, Charge] = {}
        self._on: dict[str, set[str]] = {}
        self._changed: set[str] = set()
        self._order: SortedSet[_Standing] = SortedSet()
        self._standing: dict[str, _Standing] = {}
        self._policy: Policy | None = None
        self._aged = float("-inf")

    def put_node(self, node: Node) -> None:
        """Take in a Node."""
        view = self.nodes.get(node.name)
        if view is not None:
            view.node = node
        else:
            view = self.nodes[node.name] = NodeView(node, self.loads.get(node.name))
            for identity in self._on.get(node.name, ()):
                view.add(identity, self._charges[identity])
        self._changed.add(node.name)

    def drop_node(self, name: str) -> None:
        """A Node is gone; what is charged to it stays known in case it comes back."""
        self.nodes.pop(name, None)
        self.loads.pop(name, None)
        self._unrank(name)

    def put_loads(self, loads: Mapping[str, Load]) -> None:
        """Take in samples; a node or a resource that is missing keeps its last one, which ages."""
        for name, load in loads.items():
            self._put_load(name, merged(self.loads.get(name, NOTHING_MEASURED), load))

    def forget_samples(self, resources: Collection[str]) -> None:
        """These fields of `Load` are measured no more: what is known of them goes, at once and on every node."""
        for name, load in list(self.loads.items()):
            self._put_load(name, replace(load, **dict.fromkeys(resources)))

    def _put_load(self, name: str, load: Load) -> None:
        if load == self.loads.get(name):
            return
        self.loads[name] = load
        if view := self.nodes.get(name):
            view.load = load
            self._changed.add(name)

    def put(self, identity: str, charge: Charge) -> None:
        """Charge a node, or move or change what was charged under this id."""
        if self._charges.get(identity) == charge:
            return
        self.drop(identity)
        self._charges[identity] = charge
        self._on.setdefault(charge.node, set()).add(identity)
        if view := self.nodes.get(charge.node):
            view.add(identity, charge)
            self._changed.add(charge.node)

    def drop(self, identity: str) -> None:
        """Nothing is charged under this id any more."""
        charge = self._charges.pop(identity, None)
        if charge is None:
            return
        on = self._on[charge.node]
        on.discard(identity)
        if not on:
            del self._on[charge.node]
        if view := self.nodes.get(charge.node):
            view.take(identity, charge)
            self._changed.add(charge.node)

    def snapshot(self, policy: Policy, now: float) -> Snapshot:
        """The nodes as they are now. It is a view: charges that follow show in it, and in its order when asked anew."""
        if len(self.nodes) < RANKED_FROM:
            return Snapshot(self.nodes, policy, now)
        self._rank(policy, now)
        return Snapshot(self.nodes, policy, now, _Names(self._order))

    def _rank(self, policy: Policy, now: float) -> None:
        if policy is not self._policy:
            self._policy = policy
            self._changed.update(self.nodes)
        elif now - self._aged >= AGING_SECONDS:
            self._aged = now
            self._changed.update(name for name, load in self.loads.items() if now - oldest(load) > policy.stale_seconds)
        for name in self._changed:
            if view := self.nodes.get(name):
                alone = score(view, None, policy=policy, weights=policy.weights, prefers=(), now=now)
                standing = (CLASS_ORDER[alone.node_class], round(alone.rank, 3), name)
                known = self._standing.get(name)
                if known == standing:
                    continue
                if known is not None:
                    self._order.remove(known)
                self._standing[name] = standing
                self._order.add(standing)
        self._changed.clear()

    def _unrank(self, name: str) -> None:
        standing = self._standing.pop(name, None)
        if standing is not None:
            self._order.remove(standing)
        self._changed.discard(name)


def merged(known: Load, load: Load) -> Load:
    """The newer sample of each resource; of another source, the one that comes now."""
    return Load(*(_newer(getattr(known, name), getattr(load, name)) for name in _RESOURCES))


def oldest(load: Load) -> float:
    """The time of the oldest sample in it; infinite for none."""
    samples = (load.cpu, load.memory, load.io, load.load1, load.io_pressure)
    return min((sample.timestamp for sample in samples if sample is not None), default=float("inf"))


def _newer(known: Sample | None, sample: Sample | None) -> Sample | None:
    if known is None or sample is None:
        return known or sample
    return known if sample.source == known.source and sample.timestamp <= known.timestamp else sample


class _Names:
    """The names in order, as often as they are asked for."""

    def __init__(self, order: SortedSet[_Standing]) -> None:
        self._order = order

    def __iter__(self) -> Iterator[str]:
        return (name for _, _, name in self._order)
