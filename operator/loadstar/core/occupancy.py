"""How full a queue is: what of it waits and why, what holds a node, and what follows for its status.

Whose turn it is and what limits keep out is `backlog`'s; this counts what is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from loadstar.core.model import Condition
from loadstar.core.quantity import Quantities, show
from loadstar.core.queues import TaskQueue
from loadstar.core.resources import LEARNABLE

ACTIVE: Final = "Active"
WITHIN_LIMITS: Final = "WithinLimits"


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """What is said of a queue; equal where nothing is news.

    `reasons` with their counts, the most frequent first; `used` in millicores and bytes; `oldest`: since when the Task
    waits that has waited longest; `admitted`: Tasks that got a node in the last minute.
    """

    generation: int
    pending: int
    reasons: tuple[tuple[str, int], ...]
    running: int
    used: Quantities
    admitted: int
    oldest: float | None
    conditions: tuple[Condition, ...]


@dataclass(slots=True)
class Occupancy:
    """A count that is made Task by Task."""

    reasons: dict[str, int] = field(default_factory=dict)
    running: int = 0
    used: dict[str, int] = field(default_factory=dict)
    oldest: float | None = None

    def wait(self, reason: str, since: float | None) -> None:
        """A Task waits for this reason; `since` None: it does not wish to go on."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        if since is not None and (self.oldest is None or since < self.oldest):
            self.oldest = since

    def hold(self, requests: Quantities) -> None:
        """A Task has a node, and its Pod requests this."""
        self.running += 1
        for name in LEARNABLE:
            if name in requests:
                self.used[name] = self.used.get(name, 0) + requests[name]

    def status(self, queue: TaskQueue, admitted: int, before: Iterable[Condition], now: float) -> QueueStatus:
        """What is to be said; `before`: the conditions that were said last."""
        known = {condition.type: condition for condition in before}
        return QueueStatus(
            generation=queue.generation,
            pending=sum(self.reasons.values()),
            reasons=tuple(sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))),
            running=self.running,
            used=dict(self.used),
            admitted=admitted,
            oldest=self.oldest,
            conditions=tuple(_since(found, known, now) for found in (_active(queue), *_within(queue, self))),
        )


def _active(queue: TaskQueue) -> Condition:
    if queue.suspend:
        return Condition(ACTIVE, "False", "Suspended", "spec.suspend is true: no Task of it gets a node", 0.0)
    return Condition(ACTIVE, "True", "Active", "", 0.0)


def _within(queue: TaskQueue, found: Occupancy) -> tuple[Condition, ...]:
    """Nothing is said where there is no limit."""
    limits, said, reached = queue.limits, [], False
    if limits.running is not None:
        said.append(f"{found.running} of {limits.running} running")
        reached = found.running >= limits.running
    for name, most in limits.requests.items():
        taken = found.used.get(name, 0)
        said.append(f"{name} {show(name, taken)} of {show(name, most)}")
        reached = reached or taken >= most
    if not said:
        return ()
    value, reason = ("False", "LimitReached") if reached else ("True", "BelowLimits")
    return (Condition(WITHIN_LIMITS, value, reason, ", ".join(said), 0.0),)


def _since(found: Condition, known: Mapping[str, Condition], now: float) -> Condition:
    before = known.get(found.type)
    changed = before.changed if before is not None and before.status == found.status else now
    return Condition(found.type, found.status, found.reason, found.message, changed)
