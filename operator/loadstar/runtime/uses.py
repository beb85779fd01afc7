"""Reads what our Pods use, time and again, so that the store learns what classes of Tasks use."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from loadstar import telemetry
from loadstar.runtime.ports import Clock, ClusterError, UseSource
from loadstar.runtime.store import Store

PAUSE_SECONDS: Final = 15.0
"""As often as metrics are usually made; to read them more often teaches nothing."""
LOOK_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0

log = logging.getLogger(__name__)


class Uses:
    """Reads on every replica, so that a new leader knows what was learned. Placing goes on without it."""

    def __init__(self, source: UseSource, store: Store, clock: Clock) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._failing = False
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Read for ever."""
        while True:
            await self.read()
            read = self._clock.boottime()
            while (left := read + PAUSE_SECONDS - self._clock.boottime()) > 0:
                self.progress = self._clock.boottime()
                await asyncio.sleep(min(left, LOOK_SECONDS))

    async def read(self) -> None:
        """Read once; that there is nothing to read is said once."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                uses = await self._source.read()
        except (ClusterError, TimeoutError) as error:
            telemetry.LOAD_READ_ERRORS.labels(self._source.name).inc()
            if not self._failing:
                log.warning("what Pods use is not known: %r", error, extra={"source": self._source.name})
            self._failing = True
            return
        self._failing = False
        self._store.apply_uses(uses)
