"""What was chosen for Tasks beyond the one node of their status: other nodes their Pods may name, and who has none.

It lives only in memory: after a restart a Pod names the node of the status alone.
"""

from __future__ import annotations

from loadstar.core.model import Task
from loadstar.core.placement import Decision, Placed
from loadstar.core.states import State


class Choices:
    """By namespace and name of the Task."""

    def __init__(self) -> None:
        self._others: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}
        self._unpinned: set[tuple[str, str]] = set()

    def note(self, key: tuple[str, str], decision: Decision) -> None:
        """Keep the nodes that are as good as the chosen one."""
        self._others.pop(key, None)
        if isinstance(decision, Placed) and decision.node and decision.others:
            self._others[key] = decision.node, decision.others

    def others(self, task: Task) -> tuple[str, ...]:
        """What the Task's Pod may name beside its node; nothing when it was assigned another one."""
        node, others = self._others.get(task.key, ("", ()))
        return others if node == task.status.assigned_to else ()

    def follow(self, task: Task, decision: Decision | None) -> None:
        """Take in where the Task stands: no Pod is made any more, or it is left to kube-scheduler and runs nowhere."""
        if task.status.state not in {State.PENDING, State.ASSIGNED}:
            self._others.pop(task.key, None)
        left = isinstance(decision, Placed) and decision.node is None and task.status.state is State.PENDING
        if left or (task.status.state is State.ASSIGNED and not task.status.assigned_to):
            self._unpinned.add(task.key)
        else:
            self._unpinned.discard(task.key)

    def forget(self, key: tuple[str, str]) -> None:
        """The Task is gone."""
        self._others.pop(key, None)
        self._unpinned.discard(key)

    @property
    def unpinned(self) -> int:
        """How many Tasks are left to kube-scheduler and run nowhere yet."""
        return len(self._unpinned)
