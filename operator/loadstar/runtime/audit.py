"""Finds Tasks that the store still knows and the cluster no longer has.

After a watch was lost and listed again, nobody reports what was deleted in between. The frame that watches Tasks
does not either; so whenever it seems to have listed again, and now and then anyway, the uids are compared.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from loadstar.runtime.ports import Clock, Cluster, ClusterError
from loadstar.runtime.store import Store

QUIET_SECONDS: Final = 10.0
EVERY_SECONDS: Final = 300.0

log = logging.getLogger(__name__)


class Audit:
    """Compares the store with a live list of uids."""

    def __init__(self, cluster: Cluster, store: Store, clock: Clock) -> None:
        self._cluster = cluster
        self._store = store
        self._clock = clock
        self._hint = asyncio.Event()
        self.progress = clock.boottime()

    def hint(self) -> None:
        """A Task that was known came in as if it were listed anew."""
        self._hint.set()

    async def run(self) -> None:
        """Audit for ever."""
        while True:
            try:
                async with asyncio.timeout(EVERY_SECONDS / 5):
                    await self._hint.wait()
            except TimeoutError:
                if self._clock.boottime() - self.progress < EVERY_SECONDS:
                    continue
            await asyncio.sleep(QUIET_SECONDS)
            self._hint.clear()
            try:
                await self.audit()
            except ClusterError as error:
                log.warning("the Tasks could not be compared: %s", error)
                self._hint.set()
            self.progress = self._clock.boottime()

    async def audit(self) -> int:
        """Forget what is gone; returns how many. Only what was known before the list can be missing from it."""
        before = [(task.key, task.uid) for task in self._store.tasks.values()]
        alive = await self._cluster.list_task_uids()
        gone = [(key, uid) for key, uid in before if uid not in alive]
        for key, uid in gone:
            self._store.remove_task(key, uid)
        if gone:
            log.info("%d Tasks had gone unseen", len(gone))
        return len(gone)
