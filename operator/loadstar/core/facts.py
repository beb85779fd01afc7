"""All that placing looks at of a node, kept as it was at one instant: a node of a decision that is on record.

A `NodeView` changes with every Pod; these do not. What was kept of a node serves until the node is seen to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from loadstar.core.deviation import Deviation
from loadstar.core.model import Load, Node
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import Quantities
from loadstar.core.reservations import Added


class Facts(NamedTuple):
    """A node. `added_cpu`, `added_memory`, `added_io`: what our own Pods add to the samples.

    `at`: when the node's prediction was made that the decision went by; samples that are late age with it.
    """

    node: Node
    load: Load | None
    requested: Quantities
    added_cpu: float
    added_memory: float
    added_io: float
    cpu: Deviation
    memory: Deviation
    io: Deviation
    slowdown: float
    failing: bool
    at: float

    def view(self) -> NodeView:
        """The node again, to be placed on."""
        return NodeView(
            self.node,
            self.load,
            dict(self.requested),
            cpu=self.cpu,
            memory=self.memory,
            io=self.io,
            slowdown=self.slowdown,
            failing=self.failing,
            _added=Added.of(self.added_cpu, self.added_memory, self.added_io),
        )


_make: Final = tuple.__new__


def facts(view: NodeView, at: float) -> Facts:
    """What there is of a node now."""
    added = view.added()
    # With each placement some are made: the constructor of a named tuple takes three times as long.
    return _make(
        Facts,
        (
            view.node,
            view.load,
            view.requested.copy(),
            added.cpu,
            added.memory,
            added.io,
            view.cpu,
            view.memory,
            view.io,
            view.slowdown,
            view.failing,
            at,
        ),
    )


class Album:
    """What was kept of nodes, and which of it still holds. It is made when it is asked for: most nodes never are."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._kept: dict[str, Facts] = {}
        self._old: set[str] = set()

    def changed(self, names: Iterable[str], now: float) -> None:
        """These nodes were predicted anew."""
        self._at.update(dict.fromkeys(names, now))
        self._old.update(names)

    def forget(self, name: str) -> None:
        """A node is gone."""
        self._at.pop(name, None)
        self._kept.pop(name, None)
        self._old.discard(name)

    def all(self, views: Mapping[str, NodeView]) -> dict[str, Facts]:
        """All nodes."""
        for name in self._old:
            if view := views.get(name):
                self._kept[name] = facts(view, self._at[name])
        self._old.clear()
        return self._kept.copy()

    def some(self, views: Mapping[str, NodeView], names: Iterable[str]) -> dict[str, Facts]:
        """These nodes, those that there are."""
        found: dict[str, Facts] = {}
        kept, old = self._kept, self._old
        for name in names:
            if name in old or name not in kept:
                view = views.get(name)
                if view is None:
                    continue
                kept[name] = facts(view, self._at[name])
                old.discard(name)
            found[name] = kept[name]
        return found
