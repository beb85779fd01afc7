"""Queues and tenants as the admin and the users want them, as frozen values: who comes first, and who gets how much.

How these look on the wire is `loadstar.api`'s; whose turn it is `backlog`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from loadstar.core.quantity import Quantities
from loadstar.core.resources import Requests

DEFAULT_QUEUE: Final = "default"
DEFAULT_WEIGHT: Final = 100
DEFAULT_PRIORITY: Final = 500
MOST_PRIORITY: Final = 1000


class Ordering(StrEnum):
    """Which Task of a queue comes first."""

    PRIORITY = "Priority"
    FIFO = "FIFO"
    LOAD_AWARE = "LoadAware"


class Preemption(StrEnum):
    """Whether a Task that finds no room may stop others of lower priority that allow it."""

    NEVER = "Never"
    LOWER_PRIORITY = "LowerPriority"


@dataclass(frozen=True, slots=True)
class Limits:
    """At most so many Tasks that hold a node, and so much requested by them (cpu in millicores, memory in bytes)."""

    running: int | None = None
    requests: Quantities = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskQueue:
    """A queue of one namespace. `aging_seconds`: so long a wait counts as much as one point of priority; None: never.

    `weight`: its share of what its namespace gets, beside the namespace's other queues that have Tasks waiting.
    """

    namespace: str
    name: str
    ordering: Ordering = Ordering.PRIORITY
    weight: int = DEFAULT_WEIGHT
    limits: Limits = Limits()
    suspend: bool = False
    aging_seconds: float | None = 10
    requests: Requests | None = None
    preemption: Preemption = Preemption.NEVER
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Tenant:
    """Namespaces, by their labels, that share what the admin gives them; an empty selector takes all.

    Whose a namespace is, is `tenants`' to say. `max_priority` of their Tasks: None = no bound.
    """

    name: str
    selector: tuple[tuple[str, str], ...] = ()
    weight: int = DEFAULT_WEIGHT
    max_priority: int | None = None
    limits: Limits = Limits()
