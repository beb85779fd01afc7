"""Keeps the load samples of the store young: reads the source every period of the policy, whatever it answers."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from loadstar import telemetry
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.ports import Clock, ClusterError, LoadSource
from loadstar.runtime.store import Store

READ_SECONDS: Final = 10.0

log = logging.getLogger(__name__)


class Loads:
    """Reads on every replica, so that a new leader starts with warm samples."""

    def __init__(self, source: LoadSource, store: Store, cycle: Cycle, clock: Clock) -> None:
        self._source = source
        self._store = store
        self._cycle = cycle
        self._clock = clock
        self._failing = False
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Read for ever."""
        while True:
            await self._read()
            self.progress = self._clock.boottime()
            await asyncio.sleep(self._store.policy.period_seconds)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                loads = await self._source.read()
        except (ClusterError, TimeoutError) as error:
            telemetry.LOAD_READ_ERRORS.labels(self._source.name).inc()
            if not self._failing:
                log.warning("no load samples: %r", error, extra={"source": self._source.name})
            self._failing = True
            return
        if self._failing:
            log.info("load samples are back", extra={"source": self._source.name})
            self._failing = False
        self._store.apply_loads(loads)
        self._cycle.wake()
