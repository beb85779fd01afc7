"""Reads one source of load at its own pace and says how that goes; `loads` decides which sources are read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from itertools import islice
from typing import Final

from loadstar import telemetry
from loadstar.core.coverage import UNREAD, Verdict
from loadstar.core.metering import Source
from loadstar.core.model import Load, Sample
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.ports import Clock, ClusterError, Forbidden, LoadSource, Misconfigured, NotFound, Throttled
from loadstar.runtime.store import Store

AHEAD_SECONDS: Final = 60.0
"""How far a node's clock may be ahead of the API server's."""
LOOK_SECONDS: Final = 1.0
"""How soon an edited period holds."""
AT_ONCE: Final = 200
"""Of so many nodes samples are taken in before others have their turn: some milliseconds."""
SETTLED: Final = 2
"""After so many good readings, what a source has not measured is not measured: rates need two."""

_FIELDS: Final = tuple(field.name for field in fields(Load))
_REASONS: Final[dict[type[ClusterError], str]] = {
    Forbidden: "Forbidden",
    NotFound: "NotServed",
    Throttled: "Throttled",
    Misconfigured: "Misconfigured",
}

log = logging.getLogger(__name__)


class Reader:
    """Reads `source` for these fields of `Load`; whatever else it measures is left."""

    def __init__(
        self,
        name: Source,
        source: LoadSource,
        resources: Collection[str],
        store: Store,
        cycle: Cycle,
        clock: Clock,
    ) -> None:
        self.verdict = UNREAD
        self._name = name
        self._source = source
        self._resources = resources
        self._store = store
        self._cycle = cycle
        self._clock = clock
        self._former = set(resources)
        self._good = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read, at once."""
        self._task = asyncio.create_task(self.run(), name=f"read {self._name}")

    def check(self) -> None:
        """Raise what ended it unasked."""
        if self._task is not None and self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """End it and what it holds open."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._source.close()
        with suppress(KeyError):
            telemetry.LOAD_SOURCE_READY.remove(self._name)

    async def run(self) -> None:
        """Read for ever."""
        while True:
            begun = self._clock.boottime()
            verdict = await self._read()
            took = self._clock.boottime() - begun
            self._judge(self._paced(verdict, took))
            self._cycle.wake()
            await self._rest(begun)

    async def _rest(self, begun: float) -> None:
        """Until the next reading is due, by the period as it is then; one that took longer is followed at once."""
        left = 0.0
        while left >= 0:
            await asyncio.sleep(min(left, LOOK_SECONDS))
            left = begun + self._pause() - self._clock.boottime()

    def _pause(self) -> float:
        return max(self._store.policy.period_seconds, self._source.pause)

    async def _read(self) -> Verdict:
        ready = {name: node for name, node in self._store.nodes.items() if node.ready}
        try:
            with telemetry.LOAD_READ_SECONDS.labels(self._name).time():
                verdict = await self._source.read(ready, self._take)
        except ClusterError as error:
            return Verdict(False, _REASONS.get(type(error), "NoAnswer"), str(error))
        except Exception as error:
            # Whatever one source answers, the others go on.
            log.exception("a load source could not be read", extra={"source": self._name})
            return Verdict(False, "Fault", repr(error))
        self._good += 1
        if self._good == SETTLED:
            self._forget(self._resources)
        return verdict

    def _paced(self, verdict: Verdict, took: float) -> Verdict:
        """To be late is said, unless there is something worse to say."""
        if not verdict.ready or took <= self._pause():
            return verdict
        text = f"a reading takes longer than the {self._pause():g} s that lie between two: samples are as much older"
        return Verdict(False, "TooSlow", text)

    def _judge(self, verdict: Verdict) -> None:
        """Keep the verdict, and tell when it is another."""
        if not verdict.ready:
            telemetry.LOAD_READ_ERRORS.labels(self._name).inc()
        if verdict != self.verdict:
            level = logging.INFO if verdict.ready else logging.WARNING
            log.log(level, "%s: %s", verdict.reason, verdict.message, extra={"source": self._name})
        telemetry.LOAD_SOURCE_READY.labels(self._name).set(bool(verdict.ready))
        self.verdict = verdict

    async def _take(self, loads: Mapping[str, Load]) -> None:
        """Put samples of the resources that are asked for into the store, of some nodes at a time.

        These nodes are put in order at once, so that the next placement need not wait until all are.
        """
        items = iter(loads.items())
        while some := dict(islice(items, AT_ONCE)):
            now = self._clock.now()
            taken = {name: believed(load, self._resources, now + AHEAD_SECONDS) for name, load in some.items()}
            came = {field for field in self._former if any(getattr(load, field) for load in taken.values())}
            self._forget(came)
            self._store.apply_loads(taken)
            if len(some) == AT_ONCE:
                self._store.snapshot(now)
                await asyncio.sleep(0)

    def _forget(self, resources: Collection[str]) -> None:
        """What another source, or this one by other settings, measured of them before: it gives way on all nodes."""
        gone = self._former & set(resources)
        if gone:
            self._former -= gone
            self._store.forget_samples(gone)


def believed(load: Load, resources: Collection[str], latest: float) -> Load:
    """The load by these resources alone, without samples that say they are of a later time.

    Such a sample would never grow old, and no honest one could follow it.
    """

    def kept(name: str) -> Sample | None:
        sample: Sample | None = getattr(load, name)
        return sample if name in resources and sample is not None and sample.timestamp <= latest else None

    return replace(load, **{name: kept(name) for name in _FIELDS})
