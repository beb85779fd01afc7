"""The kinds that kopf watches → the store. Those that are few: it costs ten times the CPU of a bare watch an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kopf

from loadstar.api import GROUP, POLICY_NAME, POLICY_PLURAL, VERSION, convert
from loadstar.core.model import Policy
from loadstar.runtime.store import Store


def register(registry: kopf.OperatorRegistry, store: Store, policy_changed: Callable[[], None]) -> None:
    """Watch PlacementPolicies."""

    @kopf.on.event(GROUP, VERSION, POLICY_PLURAL, registry=registry)
    async def policy_event(event: Any, **_: Any) -> None:
        raw = event["object"]
        if raw["metadata"]["name"] != POLICY_NAME:
            return
        policy = Policy() if event["type"] == "DELETED" else convert.policy(raw)
        if policy != store.policy:
            store.policy = policy
            policy_changed()
