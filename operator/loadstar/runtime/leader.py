"""Leader election over a Lease: one replica decides and writes, and it knows when it no longer may.

A candidate takes the Lease when nobody renewed it for its whole duration *by the candidate's own clock*; clocks of
different machines are never compared. The holder may write only until two thirds of the duration after the start of
its last renewal: by then nobody else can have taken it. Losing it makes the process a candidate again, never ends it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final

from loadstar.runtime.ports import Clock, ClusterError, LeaseRecord, LeaseStore

LEASE_SECONDS: Final = 12.0
RENEW_SHARE: Final = 2 / 3
RETRY_SHARE: Final = 1 / 12
WATCH_SECONDS: Final = 0.25

log = logging.getLogger(__name__)


class Leader:
    """The state of this replica in the election."""

    def __init__(self, leases: LeaseStore, identity: str, clock: Clock, lease_seconds: float = LEASE_SECONDS) -> None:
        self._lease = lease_seconds
        self._deadline = lease_seconds * RENEW_SHARE
        self._retry = lease_seconds * RETRY_SHARE
        self._leases = leases
        self._identity = identity
        self._clock = clock
        self._seen: LeaseRecord | None = None
        self._seen_at = float("-inf")
        self._fence = float("-inf")
        self._leading = asyncio.Event()
        self.progress = clock.boottime()

    @property
    def identity(self) -> str:
        """The name that stands in the Lease."""
        return self._identity

    @property
    def holder(self) -> str:
        """Who was last seen holding the Lease."""
        return self._seen.holder if self._seen else ""

    def may_write(self) -> bool:
        """True while no other replica can be the leader."""
        return self._leading.is_set() and self._clock.boottime() < self._fence

    async def wait(self) -> None:
        """Return once this replica leads."""
        await self._leading.wait()

    async def lost(self) -> None:
        """Return once this replica may no longer write."""
        while self.may_write():  # noqa: ASYNC110 - the fence falls by the clock, no event tells
            await asyncio.sleep(WATCH_SECONDS)
        self._leading.clear()

    async def run(self) -> None:
        """Stand for election for ever; cancellation hands the Lease back."""
        try:
            while True:
                await self._round()
                await asyncio.sleep(self._retry * random.uniform(0.8, 1.2))
        finally:
            await self._release()

    async def _round(self) -> None:
        try:
            async with asyncio.timeout(self._deadline / 2):
                await self._try()
        except (ClusterError, TimeoutError) as error:
            log.warning("the lease could not be read or written: %s", repr(error))
        self.progress = self._clock.boottime()
        if self._leading.is_set() and not self.may_write():
            log.error("the lease was not renewed in time: this replica no longer leads")
            self._leading.clear()

    async def _try(self) -> None:
        started = self._clock.boottime()
        record = await self._leases.read_lease()
        self._observe(record, started)
        mine = record is not None and record.holder == self._identity
        if record is not None and record.holder and not mine and not self._expired(record, started):
            self._lose(record)
            return
        transitions = 0 if record is None else record.transitions + (0 if mine else 1)
        written = await self._leases.write_lease(self._identity, self._lease, transitions, record)
        self._observe(written, started)
        self._fence = started + self._deadline
        if not self._leading.is_set():
            log.info("this replica leads now", extra={"holder": self._identity})
            self._leading.set()

    def _observe(self, record: LeaseRecord | None, at: float) -> None:
        if record != self._seen:
            self._seen, self._seen_at = record, at

    def _expired(self, record: LeaseRecord, now: float) -> bool:
        return now - self._seen_at > max(record.duration, self._lease)

    def _lose(self, record: LeaseRecord) -> None:
        if self._leading.is_set():
            log.error("the lease was taken by %s: this replica no longer leads", record.holder)
            self._leading.clear()
        self._fence = float("-inf")

    async def _release(self) -> None:
        if not self.may_write() or self._seen is None:
            return
        self._leading.clear()
        self._fence = float("-inf")
        try:
            async with asyncio.timeout(2):
                await self._leases.write_lease("", 1.0, self._seen.transitions, self._seen)
            log.info("the lease was handed back")
        except (ClusterError, TimeoutError) as error:
            log.warning("the lease could not be handed back: %s", error)
