"""Keeps what was learned of classes in TaskProfiles, a few writes a minute; only the leader writes.

What is new of a class counts by how much it is of all that is known of it, so a class that is new comes before one that
is well known. What a crash loses is at most what was learned since: the other replica has learned it too.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from loadstar import telemetry
from loadstar.core.learning import ENOUGH_RUNS
from loadstar.runtime.leader import Leader
from loadstar.runtime.ports import (
    AlreadyExists,
    Clock,
    ClusterError,
    Conflict,
    NotFound,
    ProfileObjects,
    Terminating,
    Throttled,
    Unavailable,
)
from loadstar.runtime.profiles import Entry, Name, Profiles

PAUSE_SECONDS: Final = 10.0
"""Between two writes: six a minute at most."""
LEAST_RUNS: Final = 2
"""A class that ran once may never come again: it gets no object."""
WINDOW: Final = 200
"""About so many runs make up a profile; more than that have faded."""
NEWS: Final = 0.05
"""From this share of a profile on it is written."""
UNSEEN_SECONDS: Final = 30 * 86400.0
"""A class that has not run for so long is forgotten."""

log = logging.getLogger(__name__)


class Keeper:
    """The writing loop."""

    def __init__(self, objects: ProfileObjects, profiles: Profiles, leader: Leader, clock: Clock) -> None:
        self._objects = objects
        self._profiles = profiles
        self._leader = leader
        self._clock = clock
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Keep for ever."""
        while True:
            known = sum(bool(self._profiles.asks(name).requests) for name, _ in self._profiles.entries())
            telemetry.LEARNED_CLASSES.set(known)
            if self._leader.may_write():
                await self.step()
            self.progress = self._clock.boottime()
            await asyncio.sleep(PAUSE_SECONDS)

    async def step(self) -> None:
        """Make one write, the one that is needed most; none when nothing is."""
        now = self._clock.now()
        old = [name for name, entry in self._profiles.entries() if 0 < entry.profile.seen < now - UNSEEN_SECONDS]
        self._profiles.expire(old)
        name = self.neediest()
        gone = next(iter(self._profiles.gone.items()), None)
        try:
            if name is not None:
                await self._write(name, now)
            elif gone is not None:
                await self._delete(*gone)
        except (Throttled, Unavailable) as error:
            if isinstance(error, Terminating) and name is not None:
                self._profiles.lost(name)
            log.warning("what was learned is not written now: %s", error)
        except Exception as error:
            # Only a refusal is no bug of ours.
            log.error("what was learned could not be written: %s", error, exc_info=not isinstance(error, ClusterError))  # noqa: TRY400 - see above
            if name is not None and (entry := self._profiles.entry(name)):
                # It is tried again with the next run of the class, and keeps no other from being written.
                entry.news = 0

    def neediest(self) -> Name | None:
        """The class of whose profile the largest share is not written yet."""
        shares = {name: share for name, entry in self._profiles.entries() if (share := _news(entry)) >= NEWS}
        return max(shares, key=lambda name: shares[name]) if shares else None

    async def _write(self, name: Name, now: float) -> None:
        entry = self._profiles.entry(name)
        if entry is None:
            return
        news = entry.news
        try:
            version = await self._objects.write_profile(name, entry.profile, entry.version, now)
        except (AlreadyExists, Conflict):
            # Somebody wrote it meanwhile: that is taken over, and what is new here comes on top of it.
            await self._look(name)
        except NotFound:
            if entry.version:
                self._profiles.lost(name)
            else:
                # There is no such namespace any more, or the kind is not installed: what is known here stays.
                entry.news = 0
        else:
            self._profiles.wrote(name, version, news)

    async def _look(self, name: Name) -> None:
        found = await self._objects.read_profile(name)
        if found is None:
            self._profiles.lost(name)
        elif found.profile is None:
            self._profiles.spoiled(name, found.version)
        else:
            self._profiles.seen(name, found.version, found.profile, found.written)

    async def _delete(self, name: Name, version: str) -> None:
        try:
            await self._objects.delete_profile(name, version)
        except (NotFound, Conflict):
            log.info("the TaskProfile %s has changed or is gone", "/".join(name))
        self._profiles.lost(name)


def _news(entry: Entry) -> float:
    profile = entry.profile
    every = profile.runs + profile.unmeasured
    if not entry.news or (not entry.version and profile.runs < LEAST_RUNS and every < ENOUGH_RUNS):
        return 0.0
    return entry.news / max(1, min(WINDOW, every))
