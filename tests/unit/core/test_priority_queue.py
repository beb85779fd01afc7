"""The priority queue beside a list that is sorted whenever it is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core.priority_queue import PriorityQueue

ITEMS = st.integers(0, 15)
PRIORITIES = st.integers(0, 4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), ITEMS, PRIORITIES),
        st.tuples(st.just("change_priority"), ITEMS, PRIORITIES),
        st.tuples(st.just("remove"), ITEMS),
        st.tuples(st.just("pop")),
    ),
    max_size=60,
)


class Sorted:
    """The same by sorting: entries are (priority, number, item)."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, int]] = []
        self.number = 0

    def push(self, item: int, priority: int) -> None:
        if any(entry[2] == item for entry in self.entries):
            raise ValueError
        self.number += 1
        self.entries.append((priority, self.number, item))

    def change_priority(self, item: int, priority: int) -> None:
        number = next((entry[1] for entry in self.entries if entry[2] == item), None)
        if number is None:
            raise KeyError
        self.remove(item)
        self.entries.append((priority, number, item))

    def remove(self, item: int) -> None:
        if all(entry[2] != item for entry in self.entries):
            raise KeyError
        self.entries = [entry for entry in self.entries if entry[2] != item]

    def pop(self) -> int:
        first = min(self.entries, default=None)
        if first is None:
            raise IndexError
        self.entries.remove(first)
        return first[2]


def outcome(queue: Any, step: tuple[Any, ...]) -> object:
    try:
        return getattr(queue, step[0])(*step[1:])
    except (KeyError, ValueError, IndexError) as error:
        return type(error)


@settings(deadline=None)
@given(STEPS)
def test_it_does_what_a_sorted_list_does(steps: list[tuple[Any, ...]]) -> None:
    """Whatever is pushed, changed, removed and popped in whatever order: the same comes out, and the same is refused.

    Equal priorities come out as they came in; a changed one counts among its equals as having come when it did.
    """
    queue: PriorityQueue[int] = PriorityQueue()
    model = Sorted()
    for step in steps:
        assert outcome(queue, step) == outcome(model, step)
        assert set(queue) == {item for _, _, item in model.entries}
        if model.entries:
            first = min(model.entries)
            assert (queue.peek(), queue.priority(queue.peek())) == (first[2], first[0])
        assert queue.first(5) == [item for _, _, item in sorted(model.entries)[:5]]
    assert [queue.pop() for _ in range(len(queue))] == [item for _, _, item in sorted(model.entries)]


def test_it_says_what_is_wrong() -> None:
    """An item is in once."""
    queue: PriorityQueue[str] = PriorityQueue()
    queue.push("a", 1)
    with pytest.raises(ValueError, match="change_priority moves it"):
        queue.push("a", 2)
    assert "a" in queue
    assert "b" not in queue
