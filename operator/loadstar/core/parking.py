"""Lines for which there is no node, until there may be one: nobody asks about them meanwhile, however many they are.

A line comes back when, of the nodes whose labels and taints suit it, one has as many millicores free as it asks for and
one as many bytes. That it then finds room is not certain, that it finds none otherwise is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import islice
from typing import Final, TypeAlias

from sortedcontainers import SortedDict

from loadstar.core.branch import Line
from loadstar.core.quantity import CPU, MEMORY
from loadstar.core.snapshot import Snapshot
from loadstar.core.template import Template

AT_ONCE: Final = 256
"""So many lines of one kind come back in one cycle at most, the others in the next ones."""

Room: TypeAlias = tuple[int, int]
"""The most millicores that a suitable node has free, and the most bytes; (-1, -1) where none suits."""
_Place: TypeAlias = tuple[int, int, int]


class Parking:
    """Parked lines by what they ask of a node's labels and taints, and in these by size."""

    def __init__(self) -> None:
        self._lots: dict[Hashable, SortedDict[_Place, Line]] = {}
        self._kinds: dict[Hashable, Template] = {}
        self._places: dict[Line, tuple[Hashable, _Place]] = {}
        self._stopped: dict[Hashable, _Place] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._places)

    def add(self, line: Line, template: Template) -> None:
        """Park a line whose first Task asks for this."""
        self._number += 1
        placement = template.placement
        kind = (placement.node_selector, placement.tolerations, template.requires)
        requests = template.requests
        # What is learned of a class changes what is asked for: then its size today says nothing about tomorrow.
        size = (0, 0) if template.learned.requests else (requests.get(CPU, 0), requests.get(MEMORY, 0))
        place = (*size, self._number)
        if kind not in self._lots:
            self._lots[kind] = SortedDict()
            self._kinds[kind] = template
        self._lots[kind][place] = line
        self._places[line] = kind, place

    def discard(self, line: Line) -> None:
        """The line is not parked any more, if it was."""
        kind, place = self._places.pop(line, (None, None))
        if place is None:
            return
        lot = self._lots[kind]
        del lot[place]
        if not lot:
            del self._lots[kind], self._kinds[kind]
            self._stopped.pop(kind, None)

    def back(self, room: Callable[[Template], Room]) -> list[Line]:
        """The lines that may find room now; they are to be taken out one by one."""
        found: list[Line] = []
        for kind, lot in self._lots.items():
            cpu, memory = room(self._kinds[kind])
            if cpu >= 0:
                found += self._of(kind, lot, cpu, memory)
        return found

    def _of(self, kind: Hashable, lot: SortedDict[_Place, Line], cpu: int, memory: int) -> list[Line]:
        """Those of one kind, beginning after the one at which the last cycle stopped."""
        end, after = (cpu, memory, self._number), self._stopped.pop(kind, None)
        rounds = [lot.irange(None, end)] if after is None else [lot.irange(after, end), lot.irange(None, after)]
        fitting = (place for places in rounds for place in places if place[1] <= memory and place <= end)
        chosen = list(dict.fromkeys(islice(fitting, AT_ONCE + 1)))
        if len(chosen) > AT_ONCE:
            self._stopped[kind] = chosen.pop()
        return [lot[place] for place in chosen]


def room(template: Template, snapshot: Snapshot) -> Room:
    """What nodes have free that suit what the template asks of labels and taints; no Task of it finds more."""
    cpu = memory = -1
    for group, _ in snapshot.frontiers.suit(template).groups:
        for box in group.levels[-1]:
            if box[6] >= 1:
                cpu, memory = max(cpu, box[4]), max(memory, box[5])
    return cpu, memory
