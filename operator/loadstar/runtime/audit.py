"""Looks at everything again now and then, so that an event or a wake-up that was lost cannot stay lost.

The reflectors list anew in the same rhythm and repair the store; this makes sure that every open Task, and every Pod
without one, is decided on again, whatever woke it or failed to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from loadstar.runtime.ports import Clock
from loadstar.runtime.store import Key, Store

SHARE: Final = 500
"""So many Tasks are queued at once: the audit must not hold up what happens now."""
SHARE_SECONDS: Final = 0.5


class Audit:
    """The slow, full pass."""

    def __init__(self, store: Store, touch: Callable[[Iterable[Key]], None], clock: Clock, every: float) -> None:
        self._store = store
        self._touch = touch
        self._clock = clock
        self._every = every
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Audit for ever."""
        while True:
            end = self._clock.boottime() + self._every
            while (left := end - self._clock.boottime()) > 0:
                self.progress = self._clock.boottime()
                await asyncio.sleep(min(left, 30.0))
            await self.audit()

    async def audit(self) -> None:
        """Queue all that is open."""
        keys = [key for key, task in self._store.tasks.items() if not task.status.state.terminal]
        keys += self._store.orphan_keys()
        for first in range(0, len(keys), SHARE):
            self._touch(keys[first : first + SHARE])
            self.progress = self._clock.boottime()
            await asyncio.sleep(SHARE_SECONDS)
