"""What every node holds, kept up to date change by change, so that a placement costs the same on 10 nodes and on 5,000.

A charge is a Pod or a promised Pod under an id; putting it again moves it, so whoever keeps the ledger need not know
what was there before. How nodes stand is brought up to date when it is asked for, for those that changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, replace
from math import isfinite
from typing import Final

from loadstar.core.classes import PRIOR, Habit, Use, expected, learned
from loadstar.core.disks import change, shift, taught
from loadstar.core.facts import Album
from loadstar.core.fleet import NO_FLEET, Fleet, recent_seconds, survey
from loadstar.core.frontier import Frontiers
from loadstar.core.model import NOTHING_MEASURED, Load, Node, Sample
from loadstar.core.nodes import Charge, NodeView
from loadstar.core.policy import Policy
from loadstar.core.prediction import predict
from loadstar.core.quantity import PODS, Quantities, total
from loadstar.core.reservations import Reservation
from loadstar.core.shapes import Shapes
from loadstar.core.snapshot import Snapshot
from loadstar.core.turns import Turns, base_weight

AGING_SECONDS: Final = 5.0
"""How often samples are looked at for having become old unnoticed."""
MANY: Final = 8
"""When more than one node in so many changed, all are put in order anew; so they are after as many samples as nodes."""
HABITS: Final = 10_000
"""So many classes are remembered; the one that was learned first is forgotten first."""

_RESOURCES: Final = tuple(field.name for field in fields(Load))


class Ledger:
    """Nodes, their loads and their charges."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeView] = {}
        self.loads: dict[str, Load] = {}
        self.habits: dict[str, Habit] = {}
        self._charges: dict[str, Charge] = {}
        self._on: dict[str, set[str]] = {}
        self._changed: set[str] = set()
        self._shapes = Shapes()
        self._frontiers = Frontiers(self._shapes)
        self._turns = Turns()
        self._album = Album()
        self._quarantined: dict[str, float] = {}
        self._fleet: Fleet = NO_FLEET
        self._policy: Policy | None = None
        self._aged = float("-inf")
        self._sampled = 0

    def put_node(self, node: Node) -> None:
        """Take in a Node."""
        view = self.nodes.get(node.name)
        if view is not None:
            view.node = node
        else:
            view = self.nodes[node.name] = NodeView(node)
            for identity in self._on.get(node.name, ()):
                view.add(identity, self._charges[identity])
            if load := self.loads.get(node.name):
                self._measure(view, load)
        self._changed.add(node.name)
        self._turns.put(node.name, base_weight(node))

    def serve(self, name: str) -> None:
        """It was this node's turn."""
        self._turns.serve(name)

    def quarantine(self, name: str, until: float) -> None:
        """Until then the node is the last choice."""
        self._quarantined[name] = until

    def drop_node(self, name: str) -> None:
        """A Node is gone; what is charged to it stays known in case it comes back."""
        view = self.nodes.pop(name, None)
        self.loads.pop(name, None)
        self._changed.discard(name)
        self._shapes.forget(name)
        self._turns.drop(name)
        self._album.forget(name)
        for identity in view.ended if view is not None else ():
            self._erase(identity)

    def put_loads(self, loads: Mapping[str, Load]) -> None:
        """Take in samples; a node or a resource that is missing keeps its last one, which ages."""
        for name, load in loads.items():
            self._put_load(name, merged(self.loads.get(name, NOTHING_MEASURED), believable(load)))

    def forget_samples(self, resources: Collection[str]) -> None:
        """These fields of `Load` are measured no more: what is known of them goes, at once and on every node."""
        for name, load in list(self.loads.items()):
            self._put_load(name, replace(load, **dict.fromkeys(resources)))

    def put_uses(self, uses: Mapping[str, tuple[str, Use]]) -> None:
        """Take in what our Pods were measured to use: by the id of the charge, the class and the use.

        It teaches what the class uses, and where CPUs are saturated how far below that our Pods are held.
        """
        expects: dict[str, float] = {}
        gets: dict[str, float] = {}
        for identity, (name, use) in uses.items():
            charge = self._charges.get(identity)
            res = charge.reservation if charge is not None else None
            if charge is None or res is None or res.started is None or res.started > use.timestamp - use.window:
                continue
            if use.cpu is not None and use.cpu >= 0:
                expects[charge.node] = expects.get(charge.node, 0.0) + res.cpu
                gets[charge.node] = gets.get(charge.node, 0.0) + use.cpu
            known = self.habits.get(name)
            if known is None and len(self.habits) >= HABITS:
                del self.habits[next(iter(self.habits))]
            declared = charge.requests if charge.declared is None else charge.declared
            self.habits[name] = learned(known or PRIOR, declared, use)
        for name, view in self.nodes.items():
            slowdown = max(1.0, expects[name] / gets[name]) if gets.get(name) else 1.0
            if slowdown != view.slowdown:
                view.slowdown = slowdown
                self._changed.add(name)

    def expected(self, name: str, requests: Quantities, started: float | None = None) -> Reservation:
        """What a Pod of this class is expected to use."""
        return expected(requests, self.habits.get(name, PRIOR), started)

    def put(self, identity: str, charge: Charge) -> None:
        """Charge a node, or move or change what was charged under this id."""
        if self._charges.get(identity) == charge:
            return
        self._erase(identity)
        self._charges[identity] = charge
        self._on.setdefault(charge.node, set()).add(identity)
        if view := self.nodes.get(charge.node):
            view.add(identity, charge)
            self._changed.add(charge.node)

    def ours(self, name: str) -> Quantities:
        """What our own live Pods, and those that are promised, request on a node; their number as `pods`."""
        charges = (self._charges[identity] for identity in self._on.get(name, ()))
        return total({**one.requests, PODS: 1} for one in charges if one.reservation is not None and not one.over)

    def drop(self, identity: str) -> None:
        """Nothing is charged under this id any more; what samples still have of an ended Pod fades by itself."""
        charge = self._charges.get(identity)
        if charge is not None and not charge.over:
            self._erase(identity)

    def end(self, identity: str, finished: float) -> None:
        """The Pod under this id has ended: it takes no room, and samples show it for some time yet."""
        charge = self._charges.get(identity)
        if charge is None or charge.over:
            return
        res = charge.reservation
        if res is None or res.started is None or charge.node not in self.loads:
            self._erase(identity)
        else:
            self.put(identity, replace(charge, reservation=replace(res, finished=max(finished, res.started))))

    def snapshot(self, policy: Policy, now: float) -> Snapshot:
        """The nodes as they are now. It is a view: charges that follow show in it, and in its order when asked anew."""
        self._refresh(policy, now)
        return Snapshot(self.nodes, policy, now, self._frontiers, self._turns, self._fleet, self.habits, self._album)

    def _refresh(self, policy: Policy, now: float) -> None:
        if policy is not self._policy:
            self._policy = policy
            self._shapes.weights = policy.weights
            self._changed.update(self.nodes)
        if now - self._aged >= AGING_SECONDS:
            self._aged = now
            self._age(policy, now)
        for name, until in list(self._quarantined.items()):
            view = self.nodes.get(name)
            if view is not None and view.failing != (until > now):
                view.failing = until > now
                self._changed.add(name)
            if until <= now:
                del self._quarantined[name]
        if not self._changed:
            return
        many = len(self._changed) * MANY > len(self.nodes)
        if self._sampled > len(self.nodes):
            self._sampled = 0
            self._shapes.disorder()
        for name in self._changed:
            if view := self.nodes.get(name):
                self._shapes.put(view, predict(view, policy, now, self._fleet), many=many)
        self._album.changed(self._changed, now)
        self._changed.clear()
        self._shapes.settle()

    def _age(self, policy: Policy, now: float) -> None:
        """Where samples are not recent, the node stands otherwise by the mere passing of time."""
        late = [view for view in self.nodes.values() if is_late(view.load, policy, now)]
        if late:
            self._fleet = survey(((view.node, view.load) for view in self.nodes.values()), policy, now)
        for view in late:
            self._changed.add(view.node.name)
            for identity, res in list(view.ended.items()):
                if res.finished is not None and now - res.finished > policy.stale_seconds:
                    self._erase(identity)

    def _put_load(self, name: str, load: Load) -> None:
        known = self.loads.get(name, NOTHING_MEASURED)
        if load == known:
            return
        self.loads[name] = load
        if known.io is not None and load.io is not None:
            self._teach(name, known.io, load.io)
        if view := self.nodes.get(name):
            self._measure(view, load)
            self._changed.add(name)
            self._sampled += 1

    def _teach(self, name: str, before: Sample, after: Sample) -> None:
        """Learn from two samples of a node's I/O what the classes of our Pods take of it."""
        changed = change(before, after)
        if changed is None:
            return
        shifts: dict[str, float] = {}
        for charge in (self._charges[identity] for identity in self._on.get(name, ())):
            if charge.kind and charge.reservation is not None and (each := shift(charge.reservation, before, after)):
                shifts[charge.kind] = shifts.get(charge.kind, 0.0) + each
        habits = {kind: self.habits.get(kind, PRIOR) for kind in shifts}
        for kind, io in taught({kind: habit.io for kind, habit in habits.items()}, changed, shifts).items():
            if kind in self.habits or len(self.habits) < HABITS:
                self.habits[kind] = replace(habits[kind], io=io)

    def _measure(self, view: NodeView, load: Load) -> None:
        for identity in view.measure(load):
            self._erase(identity)

    def _erase(self, identity: str) -> None:
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


def merged(known: Load, load: Load) -> Load:
    """The newer sample of each resource; of another source, the one that comes now."""
    return Load(*(_newer(getattr(known, name), getattr(load, name)) for name in _RESOURCES))


def believable(load: Load) -> Load:
    """The load without samples that are no numbers or below zero: they are not measured, which is not zero."""
    if all(_sound(sample) for sample in samples(load)):
        return load
    kept = ((name, getattr(load, name)) for name in _RESOURCES)
    return Load(*(sample if sample is not None and _sound(sample) else None for _, sample in kept))


def samples(load: Load) -> Iterator[Sample]:
    """Those that there are."""
    return (sample for sample in (load.cpu, load.memory, load.io, load.load1, load.io_pressure) if sample is not None)


def is_late(load: Load | None, policy: Policy, now: float) -> bool:
    """True when a sample is missing or not recent, so that the fleet's stand in for it."""
    if load is None or load.cpu is None or load.memory is None:
        return True
    return any(now - sample.timestamp > recent_seconds(sample, load, policy) for sample in samples(load))


def _sound(sample: Sample) -> bool:
    return all(isfinite(value) and value >= 0 for value in (sample.value, sample.timestamp, sample.window))


def _newer(known: Sample | None, sample: Sample | None) -> Sample | None:
    if known is None or sample is None:
        return known or sample
    return known if sample.source == known.source and sample.timestamp <= known.timestamp else sample
