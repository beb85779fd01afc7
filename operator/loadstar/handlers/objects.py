"""Our own kinds as kopf reports them → the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import kopf

from loadstar.api import GROUP, POLICY_NAME, POLICY_PLURAL, TASK_PLURAL, VERSION, convert
from loadstar.core.model import Policy
from loadstar.runtime.store import Key, Store

log = logging.getLogger(__name__)


def register(
    registry: kopf.OperatorRegistry,
    store: Store,
    touch: Callable[[Iterable[Key]], None],
    relisted: Callable[[], None],
    policy_changed: Callable[[], None],
) -> None:
    """Watch Tasks and PlacementPolicies. `touch` gets the Tasks that changed, `relisted` a hint of a new list."""

    @kopf.on.event(GROUP, VERSION, TASK_PLURAL, registry=registry)
    async def task_event(event: Any, **_: Any) -> None:
        raw = event["object"]
        meta = raw["metadata"]
        key = (meta["namespace"], meta["name"])
        if event["type"] == "DELETED":
            store.remove_task(key, meta["uid"])
            touch([key])
            return
        if event["type"] is None and (known := store.tasks.get(key)) and known.uid == meta["uid"]:
            relisted()
        try:
            task = convert.task(raw)
        except (KeyError, TypeError, ValueError) as error:
            about = {"namespace": key[0], "task": key[1]}
            log.error("this Task cannot be read and is passed over: %r", error, extra=about)  # noqa: TRY400 - its own
            return
        touch(store.apply_task(task))

    @kopf.on.event(GROUP, VERSION, POLICY_PLURAL, registry=registry)
    async def policy_event(event: Any, **_: Any) -> None:
        raw = event["object"]
        if raw["metadata"]["name"] != POLICY_NAME:
            return
        policy = Policy() if event["type"] == "DELETED" else convert.policy(raw)
        if policy != store.policy:
            store.policy = policy
            policy_changed()
