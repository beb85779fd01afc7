"""Keeps the load samples of the store young: reads the source every period of the policy, whatever it answers."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from loadstar import telemetry
from loadstar.core.model import Load, Sample
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.ports import Clock, ClusterError, LoadSource
from loadstar.runtime.store import Store

READ_SECONDS: Final = 10.0
AHEAD_SECONDS: Final = 60.0
"""How far a node's clock may be ahead of the API server's."""
LOOK_SECONDS: Final = 5.0
"""How soon an edited period holds."""

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
            read = self._clock.boottime()
            while (left := read + self._store.policy.period_seconds - self._clock.boottime()) > 0:
                self.progress = self._clock.boottime()
                await asyncio.sleep(min(left, LOOK_SECONDS))

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
        # A sample from the future would never grow old, and no honest one could follow it.
        latest = self._clock.now() + AHEAD_SECONDS
        self._store.apply_loads({name: until(load, latest) for name, load in loads.items()})
        self._cycle.wake()


def until(load: Load, latest: float) -> Load:
    """The load without samples that say they are of a later time."""

    def believed(sample: Sample | None) -> Sample | None:
        return sample if sample is not None and sample.timestamp <= latest else None

    return Load(*(believed(sample) for sample in (load.cpu, load.memory, load.io, load.load1, load.io_pressure)))
