"""A priority queue whose entries can be found again: a binary heap, and where in it each item stands.

`push`, `pop`, `change_priority` and `remove` move an item along one path of the heap, so they take O(log n), each time
and not only on average; a heap that leaves stale entries behind would have to be swept at some moment. Items of equal
priority come out in the order in which they came in, whatever changed in between.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class PriorityQueue(Generic[Item]):
    """Hashable items, each once, by priority: the least comes first. Priorities are of one kind that has an order."""

    __slots__ = ("_entries", "_number", "_slots")

    def __init__(self) -> None:
        self._entries: list[tuple[Any, int, Item]] = []
        self._slots: dict[Item, int] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, item: object) -> bool:
        return item in self._slots

    def __iter__(self) -> Iterator[Item]:
        """All items, in no order."""
        return iter(self._slots)

    def push(self, item: Item, priority: Any) -> None:
        """Put in an item. Raises ValueError when it is in already."""
        if item in self._slots:
            raise ValueError(f"{item!r} is in the queue already: change_priority moves it")
        self._number += 1
        entry = (priority, self._number, item)
        self._entries.append(entry)
        self._rise(len(self._entries) - 1, entry)

    def peek(self) -> Item:
        """The first item, which stays. Raises IndexError when there is none."""
        return self._entries[0][2]

    def pop(self) -> Item:
        """Take out the first item. Raises IndexError when there is none."""
        item = self._entries[0][2]
        self.remove(item)
        return item

    def priority(self, item: Item) -> Any:
        """The item's priority. Raises KeyError when it is not in."""
        return self._entries[self._slots[item]][0]

    def change_priority(self, item: Item, priority: Any) -> None:
        """Give the item another priority; among its equals it counts as having come when it did.

        Raises KeyError when it is not in.
        """
        slot = self._slots[item]
        old = self._entries[slot]
        if old[0] != priority:
            entry = (priority, old[1], item)
            (self._rise if entry < old else self._sink)(slot, entry)

    def remove(self, item: Item) -> None:
        """Take the item out. Raises KeyError when it is not in."""
        slot = self._slots.pop(item)
        last = self._entries.pop()
        if slot < len(self._entries):
            gone = self._entries[slot]
            (self._rise if last < gone else self._sink)(slot, last)

    def _rise(self, slot: int, entry: tuple[Any, int, Item]) -> None:
        """Put the entry at this place, or above it where it comes before what stands there."""
        entries, slots = self._entries, self._slots
        while slot:
            above = (slot - 1) >> 1
            other = entries[above]
            if other < entry:
                break
            entries[slot] = other
            slots[other[2]] = slot
            slot = above
        entries[slot] = entry
        slots[entry[2]] = slot

    def _sink(self, slot: int, entry: tuple[Any, int, Item]) -> None:
        """Put the entry at this place, or below it where what stands there comes before it."""
        entries, slots = self._entries, self._slots
        end = len(entries)
        while (below := 2 * slot + 1) < end:
            other = entries[below]
            if below + 1 < end and entries[below + 1] < other:
                below += 1
                other = entries[below]
            if entry < other:
                break
            entries[slot] = other
            slots[other[2]] = slot
            slot = below
        entries[slot] = entry
        slots[entry[2]] = slot
