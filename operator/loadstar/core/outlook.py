"""When a Task that waits for room may begin: once enough of what runs ends, if that takes as long as it usually does.

An estimate, and said as one: only Tasks of classes that are known have an expected end, one that is late has none, and
who comes first for the room that is freed is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from loadstar.core.fit import Cause, reject
from loadstar.core.quantity import PODS, Quantities
from loadstar.core.request import Request
from loadstar.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Ending:
    """A Pod that is expected to end: when, where, and what room it gives back."""

    at: float
    node: str
    requests: Quantities


@dataclass(frozen=True, slots=True)
class Start:
    """When and where there is room, after so many Pods have ended there."""

    at: float
    node: str
    ends: int


def earliest(request: Request, snapshot: Snapshot, endings: Iterable[Ending]) -> Start | None:
    """The first node to have room; None when no known end makes any."""
    by_node: dict[str, list[Ending]] = {}
    for ending in endings:
        if ending.at >= snapshot.now:
            by_node.setdefault(ending.node, []).append(ending)
    starts = (
        start
        for name, ends in by_node.items()
        if name in snapshot.nodes and (start := _on(name, ends, request, snapshot)) is not None
    )
    return min(starts, key=lambda start: (start.at, start.node), default=None)


def _on(name: str, ends: list[Ending], request: Request, snapshot: Snapshot) -> Start | None:
    view = snapshot.nodes[name]
    requested = dict(view.requested)
    for count, ending in enumerate(sorted(ends, key=lambda item: item.at), 1):
        _give_back(requested, ending.requests)
        rejection = reject(replace(view, requested=dict(requested)), request)
        if rejection is None:
            return Start(ending.at, name, count)
        if rejection.cause is not Cause.FULL:
            return None
    return None


def _give_back(requested: dict[str, int], requests: Mapping[str, int]) -> None:
    for name, value in (*requests.items(), (PODS, 1)):
        requested[name] = requested.get(name, 0) - value
