"""What happens to the units of work, seen by a watch from outside: when each ran, when each ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bench.throughput.session import Session

Json = dict[str, Any]
PROGRESS_SECONDS = 15.0
MOST_RESUMED = 20


class Disturbed(Exception):  # noqa: N818 - a state, not a fault of the bench
    """The run does not count: something outside of the rivals got in its way."""


class Observer:
    """Times on the monotonic clock, by unit."""

    def __init__(self, session: Session, pods: str, units: str, ended: Callable[[Json], bool | None]) -> None:
        self._session = session
        self._pods = pods
        self._units = units
        self._verdict = ended
        self._changed = asyncio.Event()
        self.running: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.failed: list[str] = []
        self.resumed = 0

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch from now on. Raises Disturbed when a watch breaks for good."""
        versions = await self._session.version(self._pods), await self._session.version(self._units)
        async with asyncio.TaskGroup() as group:
            watches = [
                group.create_task(self._watch_pods(versions[0])),
                group.create_task(self._watch_units(versions[1])),
            ]
            yield
            for watch in watches:
                watch.cancel()

    async def until(self, count: int, seconds: float) -> None:
        """Return once so many units have ended. Raises Disturbed after so many seconds."""
        end = time.monotonic() + seconds
        while len(self.ended) < count:
            self._changed.clear()
            if time.monotonic() > end:
                raise Disturbed(f"only {len(self.ended)} of {count} units ended in {seconds:.0f} s")
            try:
                async with asyncio.timeout(PROGRESS_SECONDS):
                    while len(self.ended) < count:
                        await self._changed.wait()
                        self._changed.clear()
            except TimeoutError:
                print(f"      {len(self.running)} have run, {len(self.ended)} of {count} ended", flush=True)

    async def _watch_pods(self, version: str) -> None:
        # With this selector a Pod is ADDED when it begins to run and DELETED when it no longer does.
        async for event in events(self._session, self._pods, version, "status.phase=Running", resumed=self._resume):
            if event["type"] == "ADDED":
                for owner in event["object"]["metadata"].get("ownerReferences") or ():
                    self.running.setdefault(owner["name"], time.monotonic())

    async def _watch_units(self, version: str) -> None:
        async for event in events(self._session, self._units, version, resumed=self._resume):
            raw = event["object"]
            verdict = self._verdict(raw)
            name = raw["metadata"]["name"]
            if verdict is not None and name not in self.ended:
                self.ended[name] = time.monotonic()
                if not verdict:
                    self.failed.append(name)
                self._changed.set()

    def _resume(self) -> None:
        self.resumed += 1


async def events(
    session: Session,
    collection: str,
    version: str,
    selector: str = "",
    resumed: Callable[[], None] = lambda: None,
) -> AsyncIterator[Json]:
    """All events; a stream that the API server ends is taken up where it ended. Raises Disturbed when that is often."""
    for _ in range(MOST_RESUMED + 1):
        async for event in session.watch(collection, version, selector):
            if event["type"] == "ERROR":
                raise Disturbed(f"a watch broke: {event['object'].get('message')}")
            version = event["object"]["metadata"]["resourceVersion"]
            yield event
        resumed()
    raise Disturbed(f"a watch ended {MOST_RESUMED + 1} times")
