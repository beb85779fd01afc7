"""Keeps the load samples of the store young: follows the policy in which source measures what.

Every source that the policy names has a reader of its own, so that a slow one holds up no other; an edited source
starts anew at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from loadstar.core.coverage import Verdict
from loadstar.core.metering import KubeletReading, Metering, PrometheusReading, Source
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.ports import Clock, LoadSource
from loadstar.runtime.reader import Reader
from loadstar.runtime.store import Store

LOOK_SECONDS: Final = 5.0

Build: TypeAlias = Callable[[Source, Metering], LoadSource]
"""Makes a source that measures what the metering asks of it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a source is to do: when it is another, the source starts anew."""

    resources: tuple[str, ...]
    settings: KubeletReading | PrometheusReading | None


def orders(metering: Metering) -> dict[Source, Order]:
    """What each named source is to do."""
    settings: dict[Source, KubeletReading | PrometheusReading] = {
        Source.KUBELET: metering.kubelet,
        Source.PROMETHEUS: metering.prometheus,
    }
    return {source: Order(fields, settings.get(source)) for source, fields in metering.assigned().items()}


class Loads:
    """Reads on every replica, so that a new leader starts with warm samples."""

    def __init__(self, build: Build, store: Store, cycle: Cycle, clock: Clock) -> None:
        self._build = build
        self._store = store
        self._cycle = cycle
        self._clock = clock
        self._readers: dict[Source, tuple[Order, Reader]] = {}
        self._followed: Metering | None = None
        self._edited = asyncio.Event()
        self.progress = clock.boottime()

    @property
    def verdicts(self) -> Mapping[Source, Verdict]:
        """How the last reading of each source went."""
        return {source: reader.verdict for source, (_, reader) in self._readers.items()}

    def edited(self) -> None:
        """The policy is another one."""
        self._edited.set()

    async def run(self) -> None:
        """Follow the policy for ever."""
        try:
            while True:
                await self._follow(self._store.policy.metering)
                self.progress = self._clock.boottime()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._edited.wait()
                self._edited.clear()
        finally:
            for _, reader in self._readers.values():
                await reader.stop()

    async def _follow(self, metering: Metering) -> None:
        """Let each reader do what is asked now. Raises what ended one of them unasked."""
        wanted = orders(metering)
        for source, (order, reader) in list(self._readers.items()):
            reader.check()
            if wanted.get(source) != order:
                del self._readers[source]
                await reader.stop()
        if metering != self._followed:
            self._followed = metering
            self._store.forget_samples(metering.unmeasured())
        for source, order in wanted.items():
            if source not in self._readers:
                reader = Reader(
                    source, self._build(source, metering), order.resources, self._store, self._cycle, self._clock
                )
                self._readers[source] = order, reader
                reader.start()
