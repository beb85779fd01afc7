"""Nodes in groups of one shape, so that the best node for a Task is found without looking at all of them.

A node's rank with a Task on it is the largest, over resources r, of B_r + c_r: B_r = LoadScore + load of r / 2 is the
node's own, c_r the Task's, alike on all nodes of a size. In a group four nodes are in a box, four boxes in the next
larger one, and so on; a box has the least of each B_r, and the most room, of what is in it. So the rank that follows
from a box is not above that of any node in it: opening the best box first finds the best nodes in order, exactly,
after opening few. A change of one node changes the boxes around it, one a level.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from math import log
from typing import Final, NamedTuple

from loadstar.core.labels import is_shared
from loadstar.core.model import Node, Weights
from loadstar.core.nodes import NodeView
from loadstar.core.prediction import Prediction
from loadstar.core.quantity import CPU, MEMORY, PODS
from loadstar.core.scoring import LARGEST_TERM, floor_of, normalised, tie

FAN: Final = 4
"""How many nodes or boxes a box holds."""
LOG_LENGTH: Final = 8192

Box = tuple[float, float, float, float, int, int, int]
"""The least B of CPU, of memory and of I/O; the least largest load; the most millicores, bytes and Pods free."""


class Member(NamedTuple):
    """A node of a group: how it stands, its box, its size in millicores and bytes, and what decides between equals."""

    view: NodeView
    prediction: Prediction
    box: Box
    cpu: int
    memory: int
    tie: int


@dataclass(slots=True, eq=False)
class Group:
    """Nodes of one shape, standing and knowledge. `node` is any of them: all have its shared labels and its taints."""

    node: Node
    floor: int
    io_known: bool
    members: dict[str, Member]
    standing: list[Member]
    slots: dict[str, int]
    stamps: list[int]
    levels: list[list[Box]]
    cpu: int = 1
    memory: int = 1
    sorted: bool = False

    def build(self) -> None:
        """Put boxes around the nodes: around such as are alike in what they have most of, and in how much of it."""
        self.standing = sorted(self.members.values(), key=_likeness)
        self.slots = {member.view.node.name: slot for slot, member in enumerate(self.standing)}
        self.stamps = [0] * len(self.standing)
        self.cpu = max((member.cpu for member in self.standing), default=1)
        self.memory = max((member.memory for member in self.standing), default=1)
        level = [member.box for member in self.standing]
        self.levels = [level]
        while len(level) > 1:
            level = [enclose(level[at : at + FAN]) for at in range(0, len(level), FAN)]
            self.levels.append(level)
        self.sorted = True

    def update(self, slot: int, member: Member) -> None:
        """One node stands otherwise: so may the boxes around it."""
        box = member.box
        self.standing[slot] = member
        self.stamps[slot] += 1
        below = self.levels[0]
        below[slot] = box
        for level in self.levels[1:]:
            slot //= FAN
            around = enclose(below[slot * FAN : slot * FAN + FAN])
            if around == level[slot]:
                return
            level[slot] = around
            below = level


def enclose(boxes: Iterable[Box]) -> Box:
    """The box around some."""
    cpu, memory, io, worst, free_cpu, free_memory, free_pods = zip(*boxes, strict=True)
    return min(cpu), min(memory), min(io), min(worst), max(free_cpu), max(free_memory), max(free_pods)


def _likeness(member: Member) -> tuple[int, float]:
    cpu, memory, io = member.box[:3]
    return (0, cpu) if cpu >= memory and cpu >= io else (1, memory) if memory >= io else (2, io)


class Shapes:
    """All nodes, by shape. `epoch` tells when what was noted about places in groups does not hold any more."""

    def __init__(self) -> None:
        self.groups: dict[Hashable, Group] = {}
        self.weights = Weights()
        self.epoch = 0
        self.log: list[tuple[Group, int]] = []
        self._group_of: dict[str, Hashable] = {}
        self._shape_of: dict[str, tuple[Node, Hashable]] = {}

    def put(self, view: NodeView, prediction: Prediction, *, many: bool = False) -> None:
        """Take in how a node stands. `many`: so do many others now, so that it is better to put all in order anew."""
        name = view.node.name
        floor, io = floor_of(view, prediction), prediction.io
        key = (self._shape(view.node), floor, io is not None)
        member = member_of(view, prediction, self.weights)
        if self._group_of.get(name) != key:
            self.remove(name)
            self._group_of[name] = key
            group = self.groups.get(key)
            if group is None:
                group = self.groups[key] = Group(view.node, floor, io is not None, {}, [], {}, [], [])
            group.members[name] = member
            group.sorted = False
            return
        group = self.groups[key]
        group.members[name] = member
        if many:
            group.sorted = False
        elif group.sorted:
            slot = group.slots[name]
            if group.levels[0][slot] != member.box:
                group.update(slot, member)
                self.log.append((group, slot))

    def remove(self, name: str) -> None:
        """A node is gone, or goes to another group."""
        key = self._group_of.pop(name, None)
        if key is None:
            return
        group = self.groups[key]
        del group.members[name]
        group.sorted = False
        if not group.members:
            del self.groups[key]
            self.epoch += 1

    def forget(self, name: str) -> None:
        """A node is gone."""
        self.remove(name)
        self._shape_of.pop(name, None)

    def find(self, name: str) -> tuple[Group | None, int]:
        """Where a node stands; (None, 0) for one that is not known."""
        group = self.groups.get(self._group_of.get(name))
        return (group, group.slots[name]) if group is not None else (None, 0)

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self._group_of)

    def disorder(self) -> None:
        """Most nodes stand otherwise than when boxes were put around those that are alike: it is to be done anew."""
        for group in self.groups.values():
            group.sorted = False

    def settle(self) -> None:
        """Put in order what is not; to be called after changes and before the groups are read."""
        unsorted = [group for group in self.groups.values() if not group.sorted]
        for group in unsorted:
            group.node = next(iter(group.members.values())).view.node
            group.build()
        if unsorted or len(self.log) > LOG_LENGTH:
            self.epoch += 1
            self.log.clear()

    def _shape(self, node: Node) -> Hashable:
        known = self._shape_of.get(node.name)
        if known is not None and known[0] is node:
            return known[1]
        shape = shape_of(node)
        self._shape_of[node.name] = node, shape
        return shape


def shape_of(node: Node) -> Hashable:
    """What nodes must have in common for one answer about labels, taints and readiness to hold for all of them.

    And about the same size, so that the same Task adds about the same share: nodes of one make differ by some bytes.
    """
    labels = sorted(item for item in node.labels.items() if is_shared(item[0]))
    size = tuple(round(10 * log(node.allocatable.get(name, 0) or 1)) for name in (CPU, MEMORY))
    return node.ready, node.unschedulable, node.taints, tuple(labels), size


def member_of(view: NodeView, prediction: Prediction, weights: Weights) -> Member:
    """A node as one of a group, under the policy's weights."""
    used = normalised(weights, io_known=prediction.io is not None)
    cpu, memory = prediction.cpu.total, prediction.memory.total
    io = 0.0 if prediction.io is None else prediction.io.total
    total = used.cpu * cpu + used.memory * memory + used.io * io
    allocatable, requested = view.node.allocatable, view.requested
    cpus, bytes_ = allocatable.get(CPU, 0), allocatable.get(MEMORY, 0)
    box = (
        total + LARGEST_TERM * cpu,
        total + LARGEST_TERM * memory,
        total + LARGEST_TERM * io,
        max(cpu, memory, io),
        cpus - requested.get(CPU, 0),
        bytes_ - requested.get(MEMORY, 0),
        allocatable.get(PODS, 0) - requested.get(PODS, 0),
    )
    return Member(view, prediction, box, cpus or 1, bytes_ or 1, tie(view.node.name))
