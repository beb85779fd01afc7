"""A queue of keys: each key once, worked on by one worker at a time, now or later, with back-off for the unlucky.

It replaces timers: whatever has to be looked at again at some time is a delayed key. Urgent keys come first, but never
alone: under load, what lets work begin goes before what only tells of it.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key")

BACK_OFF_SECONDS: Final = 0.05
BACK_OFF_MAX_SECONDS: Final = 30.0
SLEEP_MAX_SECONDS: Final = 3600.0
URGENT_IN_A_ROW: Final = 8
"""After so many urgent keys one of the others has its turn."""


class WorkQueue(Generic[Key]):
    """`add` while a key is being worked on makes it come again afterwards: no change is lost, none is worked twice."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ready: deque[Key] = deque()
        self._urgent: deque[Key] = deque()
        self._in_a_row = 0
        self._queued: set[Key] = set()
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._delayed: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._sequence = 0
        self._failures: dict[Key, int] = {}
        self._held: dict[Key, float] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_due = 0.0

    def __len__(self) -> int:
        """Keys that are ready now."""
        return len(self._ready) + len(self._urgent)

    @property
    def delayed(self) -> int:
        """Keys that wait for their time."""
        return len(self._due)

    def add(self, key: Key, delay: float = 0.0, *, urgent: bool = False) -> None:
        """Work on the key now, or after `delay` seconds; an earlier time stands. One that failed waits for its time."""
        if key in self._held:
            delay = max(delay, self._held[key] - self._clock())
        if delay > 0:
            due = self._clock() + delay
            if self._due.get(key, float("inf")) <= due:
                return
            self._due[key] = due
            self._sequence += 1
            heapq.heappush(self._delayed, (due, self._sequence, key))
            self._set_alarm()
            return
        self._due.pop(key, None)
        if key in self._busy:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            (self._urgent if urgent else self._ready).append(key)
            self._wake()

    def fail(self, key: Key, *, at_least: float = 0.0, at_most: float = BACK_OFF_MAX_SECONDS) -> float:
        """Work on the key again after its back-off, twice as long each time, and not earlier; returns the seconds."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        delay: float = max(at_least, min(at_most, BACK_OFF_SECONDS * 2 ** min(count, 16)))
        self._held[key] = self._clock() + delay
        self._due.pop(key, None)
        self._again.discard(key)
        self.add(key, delay)
        return delay

    def succeed(self, key: Key) -> None:
        """Forget the key's failures."""
        self._failures.pop(key, None)
        self._held.pop(key, None)

    async def get(self) -> Key:
        """The next key; the caller owes a `done`. One waiter is woken a key, not all of them."""
        self._promote()
        while not self._ready and not self._urgent:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            self._set_alarm()
            try:
                await waiter
            except asyncio.CancelledError:
                if not waiter.cancelled():
                    self._wake()  # it was woken for a key that another must take now
                elif waiter in self._waiters:
                    self._waiters.remove(waiter)
                raise
        if self._urgent and (not self._ready or self._in_a_row < URGENT_IN_A_ROW):
            key = self._urgent.popleft()
            self._in_a_row += 1
        else:
            key = self._ready.popleft()
            self._in_a_row = 0
        self._queued.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: Key) -> None:
        """The worker is finished with the key."""
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _set_alarm(self) -> None:
        """Have the earliest delayed key promoted in time, while somebody waits."""
        if not self._delayed or not self._waiters:
            return
        due = self._delayed[0][0]
        if self._alarm is not None:
            if self._alarm_due <= due and not self._alarm.cancelled():
                return
            self._alarm.cancel()
        self._alarm_due = due
        delay = min(SLEEP_MAX_SECONDS, max(0.0, due - self._clock()))
        self._alarm = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._promote()
        self._set_alarm()

    def _promote(self) -> None:
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self._held.pop(key, None)
                self.add(key)
