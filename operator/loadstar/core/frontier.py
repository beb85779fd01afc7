"""The nodes for Tasks of one kind, best first, found by opening boxes of `shapes` from the best one on.

It stays between placements: what changed since is looked at anew, and what was opened need not be opened again. So
the next Task of a kind costs one node and not a search.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Final, NamedTuple

from loadstar.core.fit import Cause, closed, mismatch, reject
from loadstar.core.labels import CAPABILITY_PREFIX, is_shared
from loadstar.core.model import NodeScore, Weights
from loadstar.core.nodes import NodeView
from loadstar.core.request import Request
from loadstar.core.reservations import Reservation
from loadstar.core.scoring import LARGEST_TERM, bonus, grade, normalised
from loadstar.core.shapes import FAN, Group, Shapes
from loadstar.core.template import Template

NEAR_BONUS: Final = 0.2
"""What a node's having a Task to be close to takes off its rank: worth a fifth of the node, not an overload."""
SLACK: Final = 1e-12
"""By so much a box counts as better than it is, more than rounding adds: of nodes that are equal the same one is
chosen, in whatever order they came."""
KEPT: Final = 64
"""For so many kinds of Tasks what was opened is kept."""

_Entry = tuple[int, float, int, int, Group, int, int, int]
"""Class and rank; the tie (a box comes first); a number that is never equal; group, level, place there, its stamp."""


class Lens(NamedTuple):
    """How one Task sees the nodes of one group.

    `cpu`, `memory`, `io`: the Task's c_r on the largest node, its bonus taken off; `cold`: a node whose largest load is
    above this is hot with the Task on it, whatever resource that is.
    """

    weights: Weights
    bonus: float
    cpu: float
    memory: float
    io: float
    cold: float


class Suited(NamedTuple):
    """The groups whose nodes can take a Task, each with the bonus of its labels; the nodes of the others, by cause."""

    groups: list[tuple[Group, float]]
    out: dict[Cause, int]


class Frontier:
    """What of the nodes was opened for Tasks like this one."""

    def __init__(
        self,
        shapes: Shapes,
        suited: Sequence[tuple[Group, float]],
        request: Request,
        own: Reservation,
        weights: Weights,
        hot: float,
    ) -> None:
        """`suited`: the groups whose nodes can take the Task at all, each with the bonus of its labels."""
        self.epoch = shapes.epoch
        self._shapes = shapes
        self._request = request
        self._own = own
        self._hot = hot
        self._cpu, self._memory = request.size
        # Where the box does not say all that matters, each node is looked at as a whole.
        self._closely = request.closely
        self._lenses: dict[Group, Lens] = {}
        self._heap: list[_Entry] = []
        self._number = count()
        self._read = len(shapes.log)
        used = {known: normalised(weights, io_known=known) for known in (False, True)}
        for group, less in suited:
            self._lenses[group] = self._lens(group, used[group.io_known], less)
            if weights == shapes.weights:
                self._open(group, len(group.levels) - 1, 0, 1)
            else:
                # Boxes are of the policy's weights: under others they say nothing.
                self._look(group, 0, len(group.standing))
        # A box knows nothing of what makes a single node better: such nodes are not left to be found in one.
        for name in request.near:
            found, place = shapes.find(name)
            if found is not None and found in self._lenses:
                self._look(found, place, place + 1)

    def take(self, most: int, now: float) -> list[tuple[NodeView, NodeScore]]:
        """The best nodes that can take the Task, with the Task on them, best first, at most so many."""
        self._catch_up()
        heap = self._heap
        best: list[_Entry] = []
        seen: set[tuple[int, int]] = set()
        while heap and len(best) < most:
            entry = heappop(heap)
            _, _, _, _, group, level, place, stamp = entry
            if level:
                self._open(group, level - 1, place * FAN, place * FAN + FAN)
            elif group.stamps[place] == stamp and (id(group), place) not in seen:
                seen.add((id(group), place))
                best.append(entry)
        for entry in best:
            heappush(heap, entry)
        return [self._graded(entry, now) for entry in best]

    def _graded(self, entry: _Entry, now: float) -> tuple[NodeView, NodeScore]:
        group, place = entry[4], entry[6]
        member, seen = group.standing[place], self._lenses[group]
        view = member.view
        less = seen.bonus + (NEAR_BONUS if view.node.name in self._request.near else 0.0)
        return view, grade(view, member.prediction, self._own, seen.weights, self._hot, less, now, group.floor)

    @property
    def worn(self) -> bool:
        """True when it would be better to begin anew."""
        return self.epoch != self._shapes.epoch or len(self._heap) > 1000 + 2 * len(self._shapes)

    def _lens(self, group: Group, weights: Weights, less: float) -> Lens:
        """The Task adds the least share to the largest node of the group: no rank is below what follows from it."""
        own, half = self._own, LARGEST_TERM
        cpu, memory = own.cpu / group.cpu, own.memory / group.memory
        least = min(memory, cpu) - SLACK
        if not group.io_known:
            total = weights.cpu * cpu + weights.memory * memory - less - SLACK
            return Lens(weights, less, total + half * cpu, total + half * memory, total, self._hot - least)
        total = weights.cpu * cpu + weights.memory * memory + weights.io * own.io - less - SLACK
        return Lens(
            weights,
            less,
            total + half * cpu,
            total + half * memory,
            total + half * own.io,
            self._hot - min(least, own.io - SLACK),
        )

    def _catch_up(self) -> None:
        log = self._shapes.log
        for group, place in log[self._read :]:
            if group in self._lenses:
                self._look(group, place, place + 1)
        self._read = len(log)

    def _open(self, group: Group, level: int, start: int, end: int) -> None:
        """Put boxes (level 1 and up), or the nodes themselves, in their order."""
        if not level:
            self._look(group, start, end)
            return
        seen, heap, number, floor = self._lenses[group], self._heap, self._number, group.floor
        least_cpu, least_memory, add_cpu, add_memory, add_io = self._cpu, self._memory, seen.cpu, seen.memory, seen.io
        boxes = enumerate(group.levels[level][start:end], start)
        for place, (cpu, memory, io, worst, free_cpu, free_memory, free_pods) in boxes:
            if free_cpu >= least_cpu and free_memory >= least_memory and free_pods:
                rank = max(cpu + add_cpu, memory + add_memory, io + add_io)
                entry = (floor or int(worst > seen.cold), rank, -1, next(number), group, level, place, 0)
                heappush(heap, entry)

    def _look(self, group: Group, start: int, end: int) -> None:
        """Put nodes in their order, those that can take the Task."""
        seen, near, closely = self._lenses[group], self._request.near, self._closely
        own_cpu, own_memory, own_io = self._own.cpu, self._own.memory, self._own.io if group.io_known else 0.0
        weigh_cpu, weigh_memory, weigh_io = seen.weights.cpu, seen.weights.memory, seen.weights.io
        floor, hot, less = group.floor, self._hot, seen.bonus
        for place, (view, prediction, box, cpus, bytes_, decides) in enumerate(group.standing[start:end], start):
            if box[4] < self._cpu or box[5] < self._memory or box[6] < 1:
                continue
            if closely and reject(view, self._request):
                continue
            cpu = prediction.cpu.total + own_cpu / cpus
            memory = prediction.memory.total + own_memory / bytes_
            io = 0.0 if prediction.io is None else prediction.io.total + own_io
            worst = max(cpu, memory, io)
            rank = weigh_cpu * cpu + weigh_memory * memory + weigh_io * io + LARGEST_TERM * worst - less
            if near and view.node.name in near:
                rank -= NEAR_BONUS
            number = next(self._number)
            entry = (floor or int(worst > hot), rank, decides, number, group, 0, place, group.stamps[place])
            heappush(self._heap, entry)


class Frontiers:
    """The frontiers of the kinds of Tasks that were placed of late; the one that was begun first goes first."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._kept: dict[Hashable, Frontier] = {}
        self._suited: dict[Hashable, Suited] = {}
        self._epoch = -1

    def of(self, request: Request, own: Reservation, weights: Weights, hot: float) -> Frontier:
        """The frontier for Tasks like this one."""
        key = (request.shape, own, weights, hot)
        known = self._kept.get(key)
        if known is not None and not known.worn:
            return known
        if known is None and len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        fresh = self._kept[key] = Frontier(self._shapes, self.suit(request.template).groups, request, own, weights, hot)
        return fresh

    def suit(self, template: Template) -> Suited:
        """The groups whose labels, taints and readiness suit the Task, as many Tasks ask: kept while groups stand."""
        if self._epoch != self._shapes.epoch or len(self._suited) > KEPT:
            self._suited.clear()
            self._epoch = self._shapes.epoch
        placement = template.placement
        key = (placement.node_selector, placement.tolerations, template.requires, template.prefers)
        found = self._suited.get(key)
        if found is None:
            prefers = tuple(CAPABILITY_PREFIX + name for name in template.prefers)
            found = self._suited[key] = Suited([], {})
            for group in self._shapes.groups.values():
                cause = obstacle(group, template)
                if cause is None:
                    found.groups.append((group, bonus(group.node, prefers)))
                else:
                    found.out[cause] = found.out.get(cause, 0) + len(group.members)
        return found


def obstacle(group: Group, template: Template) -> Cause | None:
    """Why no node of the group can take the Task, whatever its load and its own labels; None when one might."""
    labels = group.node.labels
    if any(labels.get(key) != value for key, value in template.placement.node_selector if is_shared(key)):
        return Cause.SELECTOR
    found = mismatch(group.node, template)
    # Of labels that are not shared, one node says nothing about the others.
    if found is not None and found.cause is not Cause.SELECTOR:
        return found.cause
    shut = closed(group.node)
    return shut.cause if shut is not None else None
