"""The TaskQueues as they are now, whose each namespace is, and how many Tasks of each queue have got a node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from loadstar.core.model import Task
from loadstar.core.queues import TaskQueue
from loadstar.core.states import State
from loadstar.runtime.namespaces import Namespaces

Name: TypeAlias = tuple[str, str]
"""Namespace and queue."""


class Queues:
    """What observers saw of them. The queue `default` needs no object; then the defaults hold."""

    def __init__(self) -> None:
        self.namespaces = Namespaces()
        self.admitted: Counter[Name] = Counter()
        self._objects: dict[Name, TaskQueue] = {}

    @property
    def objects(self) -> Mapping[Name, TaskQueue]:
        """Every TaskQueue that there is."""
        return self._objects

    def of(self, task: Task) -> TaskQueue | None:
        """The TaskQueue that the Task waits in; None when there is no such object."""
        return self._objects.get((task.namespace, task.queue))

    def put(self, queue: TaskQueue) -> bool:
        """Take in a TaskQueue; True when it is news."""
        name = queue.namespace, queue.name
        if self._objects.get(name) == queue:
            return False
        self._objects[name] = queue
        return True

    def drop(self, name: Name) -> None:
        """A TaskQueue is gone."""
        self._objects.pop(name, None)
        self.admitted.pop(name, None)

    def follow(self, known: Task | None, task: Task) -> None:
        """A Task went from the one form to the other: one that got a node was admitted by its queue."""
        if known is not None and known.status.state is State.PENDING and task.status.state is State.ASSIGNED:
            name = task.namespace, task.queue
            if name in self._objects:
                self.admitted[name] += 1
