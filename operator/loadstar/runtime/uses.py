"""Reads what our Pods use, time and again, so that the store learns what classes of Tasks use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from loadstar import telemetry
from loadstar.core.classes import Use
from loadstar.core.metering import KubeletReading, Source
from loadstar.core.model import Pod
from loadstar.runtime.ports import Clock, ClusterError, UseSource
from loadstar.runtime.store import Key, Store

PAUSE_SECONDS: Final = 15.0
"""As often as metrics are usually made; to read them more often teaches nothing."""
LOOK_SECONDS: Final = 5.0
READ_SECONDS: Final = 15.0

Build: TypeAlias = Callable[[KubeletReading], UseSource]
"""Makes the source that asks kubelets."""

log = logging.getLogger(__name__)


class Uses:
    """Reads on every replica, so that a new leader knows what was learned. Placing goes on without it."""

    def __init__(self, usual: UseSource, build: Build, store: Store, clock: Clock) -> None:
        """`usual` is always read; kubelets, where the policy names them, add what they have counted."""
        self._usual = usual
        self._build = build
        self._store = store
        self._clock = clock
        self._kubelets: tuple[KubeletReading, UseSource] | None = None
        self._failing: set[str] = set()
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Read for ever."""
        try:
            while True:
                await self.read()
                read = self._clock.boottime()
                while (left := read + PAUSE_SECONDS - self._clock.boottime()) > 0:
                    self.progress = self._clock.boottime()
                    await asyncio.sleep(min(left, LOOK_SECONDS))
        finally:
            await self._follow(None)

    async def read(self) -> None:
        """Read once; that there is nothing to read is said once."""
        metering = self._store.policy.metering
        await self._follow(metering.kubelet if metering.pods is Source.KUBELET else None)
        means = await self._read(self._usual)
        counters = await self._read(self._kubelets[1]) if self._kubelets is not None else None
        if means is None and counters is None:
            return
        uses = dict(means or {})
        for key, use in (counters or {}).items():
            uses[key] = both(uses[key], use) if key in uses else use
        self._store.apply_uses(uses)

    async def _follow(self, settings: KubeletReading | None) -> None:
        """Have the source that these settings ask for; None: no kubelet is asked."""
        if self._kubelets is not None and self._kubelets[0] != settings:
            await self._kubelets[1].close()
            self._kubelets = None
        if self._kubelets is None and settings is not None:
            self._kubelets = settings, self._build(settings)

    async def _read(self, source: UseSource) -> Mapping[Key, Use] | None:
        """Read a source; None when it does not answer."""
        nodes = {pod.node: self._store.nodes[pod.node] for pod in self._store.our_pods() if _runs(pod, self._store)}
        try:
            async with asyncio.timeout(READ_SECONDS):
                found = await source.read(nodes)
        except (ClusterError, TimeoutError) as error:
            telemetry.LOAD_READ_ERRORS.labels(source.name).inc()
            if source.name not in self._failing:
                log.warning("what Pods use is not known: %r", error, extra={"source": source.name})
            self._failing.add(source.name)
            return None
        self._failing.discard(source.name)
        return found


def both(mean: Use, counters: Use) -> Use:
    """What two sources say of a Pod: the one's mean and the other's counters."""
    return replace(mean, cpu_seconds=counters.cpu_seconds, peak=counters.peak, counted=counters.counted)


def _runs(pod: Pod, store: Store) -> bool:
    return not pod.ended and pod.node in store.nodes
