"""What is known of a case beside its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.history import Event


@dataclass(frozen=True, slots=True)
class Facts:
    """What was asked for, and what was seen after the last step; `nodes` is the history of Nodes.

    `late_writes`: the fault holds a write back, so a Pod may be made when its Task is long gone; nobody can help that.
    """

    created: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    rest_writes: tuple[str, ...] = ()
    metrics: Mapping[str, int] | None = None
    nodes: Sequence[Event] = ()
    late_writes: bool = False


Check = Callable[[Sequence[Event], Facts], list[str]]
