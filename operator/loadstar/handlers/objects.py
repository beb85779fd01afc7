"""The kinds that kopf watches → the store. Those that are few: it costs ten times the CPU of a bare watch an event."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import kopf

from loadstar.api import GROUP, POLICY_NAME, POLICY_PLURAL, VERSION, convert
from loadstar.core.model import Policy
from loadstar.runtime.store import Store

log = logging.getLogger(__name__)


def register(registry: kopf.OperatorRegistry, store: Store, policy_changed: Callable[[], None]) -> None:
    """Watch PlacementPolicies."""

    @kopf.on.event(GROUP, VERSION, POLICY_PLURAL, registry=registry)
    async def policy_event(event: Any, **_: Any) -> None:
        raw = event["object"]
        if raw["metadata"]["name"] != POLICY_NAME:
            return
        try:
            policy = Policy() if event["type"] == "DELETED" else convert.policy(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.error("the PlacementPolicy cannot be read, the last one holds: %r", error)  # noqa: TRY400 - its own fault
            return
        if policy != store.policy:
            store.policy = policy
            policy_changed()
