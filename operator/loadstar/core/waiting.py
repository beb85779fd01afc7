"""A Task that waits for a node, and its place in its queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from loadstar.core.form import Form
from loadstar.core.queues import Ordering, TaskQueue

Key: TypeAlias = tuple[str, str]
"""(namespace, name) of a Task."""
Place: TypeAlias = tuple[float, float, str]
"""Where a Task stands in its queue: the least comes first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A Task that waits for a node. `priority`: the one that counts now, its own or one that it was lent.

    `since`: from when on it could have been placed; `created`: by which it is older than others.
    """

    key: Key
    uid: str
    queue: str
    priority: int
    created: float
    since: float
    form: Form

    def place(self, queue: TaskQueue) -> Place:
        """Where it stands. A wait of `aging_seconds` is worth one point of priority, so that this need never change:
        a Task of so many points more counts as if it had come so much earlier.
        """
        if queue.ordering is Ordering.FIFO:
            return self.created, 0.0, self.uid
        if queue.aging_seconds is None:
            return -self.priority, self.created, self.uid
        return self.created - self.priority * queue.aging_seconds, self.created, self.uid
