"""The kinds that kopf watches → the store. Those that are few: it costs ten times the CPU of a bare watch an event."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import kopf

from loadstar.api import GROUP, POLICY_NAME, POLICY_PLURAL, PROFILE_PLURAL, VERSION, convert
from loadstar.core.policy import Policy
from loadstar.kube.taskprofiles import kept
from loadstar.runtime.store import Store

log = logging.getLogger(__name__)


def register(registry: kopf.OperatorRegistry, store: Store, policy_changed: Callable[[], None]) -> None:
    """Watch PlacementPolicies and TaskProfiles."""

    @kopf.on.event(GROUP, VERSION, PROFILE_PLURAL, registry=registry)
    async def profile_event(event: Any, **_: Any) -> None:
        profile_seen(store, event["type"] == "DELETED", event["object"])

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


def profile_seen(store: Store, gone: bool, raw: Any) -> None:
    """A TaskProfile as it is now; one that cannot be read is as good as none."""
    name = raw["metadata"]["namespace"], raw["metadata"]["name"]
    found = kept(raw) if not gone else None
    if found is None:
        store.profiles.lost(name)
    elif found.profile is None:
        store.profiles.spoiled(name, found.version)
    else:
        store.profiles.seen(name, found.version, found.profile, found.written)
