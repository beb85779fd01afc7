"""Tasks whose time to live runs out: each has its turn to be deleted, few a second in all.

So ten thousand that end their time together hold up nobody. Whether one may go is decided anew in its turn.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable
from math import inf
from typing import Final

from loadstar.runtime.ports import Clock
from loadstar.runtime.store import Key

BATCH: Final = 10
"""So many have their turn together."""
EVERY_SECONDS: Final = 0.1
"""And so long it takes until the next have: 100 a second."""
LOOK_SECONDS: Final = 1.0
"""How late a turn may come when nothing else is due."""
TURN_SECONDS: Final = 30.0
"""For so long a turn may be taken."""


class Expiry:
    """Keys by when their time is over; `touch` gets those whose turn it is."""

    def __init__(self, touch: Callable[[Iterable[Key]], None], clock: Clock) -> None:
        self._touch = touch
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._order: list[tuple[float, Key]] = []
        self._turns: dict[Key, float] = {}

    def __len__(self) -> int:
        """Tasks that wait for their time or their turn."""
        return len(self._due)

    def add(self, key: Key, seconds: float) -> None:
        """The Task's time is over in so many seconds; the latest word holds."""
        due = self._clock.boottime() + seconds
        self._due[key] = due
        heapq.heappush(self._order, (due, key))
        if len(self._order) > 2 * len(self._due) + BATCH:
            self._order = [(due, key) for key, due in self._due.items()]
            heapq.heapify(self._order)

    def turn(self, key: Key) -> bool:
        """Whether it is the Task's turn to be deleted now; else it will get one."""
        if self._turns.pop(key, None) is not None:
            return True
        if self._due.get(key, inf) > self._clock.boottime():
            self.add(key, 0.0)
        return False

    def forget(self, key: Key) -> None:
        """The Task is gone."""
        self._due.pop(key, None)
        self._turns.pop(key, None)

    def clear(self) -> None:
        """Start afresh."""
        self._due.clear()
        self._order.clear()
        self._turns.clear()

    async def run(self) -> None:
        """Give turns for ever."""
        while True:
            now = self._clock.boottime()
            for key in [key for key, given in self._turns.items() if given < now - TURN_SECONDS]:
                del self._turns[key]
            batch = self._batch(now)
            self._turns.update(dict.fromkeys(batch, now))
            self._touch(batch)
            await asyncio.sleep(EVERY_SECONDS if len(batch) == BATCH else self._rest(now))

    def _batch(self, now: float) -> list[Key]:
        found: list[Key] = []
        while self._order and self._order[0][0] <= now and len(found) < BATCH:
            due, key = heapq.heappop(self._order)
            if self._due.get(key) == due:
                del self._due[key]
                found.append(key)
        return found

    def _rest(self, now: float) -> float:
        """Seconds until one is due, within bounds."""
        left = self._order[0][0] - now if self._order else LOOK_SECONDS
        return min(LOOK_SECONDS, max(EVERY_SECONDS, left))
