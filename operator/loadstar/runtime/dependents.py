"""The store's memory of who waits for whom, and of what is handed on: the graph and the results, kept in step.

`ripple` gets the Tasks for which something else may follow after a change of another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from loadstar.core.graph import Graph
from loadstar.core.model import Task
from loadstar.core.waiting import Key
from loadstar.runtime.results import Results


class Dependents:
    """`lookup` finds a Task as the store has it; `rank` gets each whose priority may be another one."""

    def __init__(self, lookup: Callable[[Key], Task | None], rank: Callable[[Task], None]) -> None:
        self.graph = Graph(lookup)
        self.results = Results()
        self.ripple: Callable[[Iterable[Key]], None] = _nobody
        self._lookup = lookup
        self._rank = rank

    def apply(self, task: Task) -> None:
        """A Task is new or has changed; the store has it already, perhaps without its result."""
        if task.status.result is not None:
            self.results.put(task.key, task.uid, task.status.result)
        self._tell(self.graph.apply(task))

    def remove(self, key: Key, uid: str) -> None:
        """A Task is gone; what it left stays as long as a Task waits that named it."""
        changed = self.graph.remove(key, uid)
        self._tell(changed | {key})

    def _tell(self, changed: set[Key]) -> None:
        for key in changed:
            task = self._lookup(key)
            if task is not None:
                self._rank(task)
            elif not self.graph.needed(key):
                self.results.forget(key)
        if changed:
            self.ripple(changed)


def _nobody(keys: Iterable[Key]) -> None:
    """A store that is only read, as the command line's, has nobody to tell."""
    del keys
