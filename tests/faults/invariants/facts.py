"""What is known of a case beside its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.history import Event


@dataclass(frozen=True, slots=True)
class Facts:
    """What was asked for, and what was seen after the last step; `nodes` is the history of Nodes."""

    created: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    rest_writes: tuple[str, ...] = ()
    metrics: Mapping[str, int] | None = None
    nodes: Sequence[Event] = ()


Check = Callable[[Sequence[Event], Facts], list[str]]
