"""How the admin wants Tasks placed: the cluster's PlacementPolicy, as a frozen value.

What of it is about measuring is `metering`'s; what a single Task may say otherwise is its `Placement`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from loadstar.core.metering import Metering
from loadstar.core.model import Strategy, Weights, Worker
from loadstar.core.queues import Tenant
from loadstar.core.resources import Requests


class WhenHot(StrEnum):
    """What becomes of a Task when every node that can take it is hot."""

    PLACE = "Place"
    WAIT = "Wait"


class WhenFull(StrEnum):
    """Whether Pods may exist that no node has room for."""

    CREATE_PODS = "CreatePods"
    HOLD = "Hold"


@dataclass(frozen=True, slots=True)
class TypeDefault:
    """What the admin lets a type of Task run, and where, and what its load weighs."""

    worker: Worker | None = None
    requires: tuple[str, ...] = ()
    prefers: tuple[str, ...] = ()
    weights: Weights | None = None
    requires_declared: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The cluster's PlacementPolicy; these defaults hold while there is none."""

    weights: Weights = field(default_factory=Weights)
    strategy: Strategy = Strategy.LOAD_AWARE
    hot: float = 0.85
    when_hot: WhenHot = WhenHot.PLACE
    when_full: WhenFull = WhenFull.CREATE_PODS
    requests: Requests = Requests.DECLARED
    period_seconds: float = 5
    stale_seconds: float = 180
    metering: Metering = field(default_factory=Metering)
    types: Mapping[str, TypeDefault] = field(default_factory=dict)
    tenants: tuple[Tenant, ...] = ()
    generation: int = 0
