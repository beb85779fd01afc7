"""Looks on from outside: one list and watch of a namespace's Tasks and Pods, straight from the API server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.api import TASKS, Api
from tests.faults.history import Event, Json, Picture, ordered, picture_at


class StuckError(Exception):
    """Something that had to come did not."""


@dataclass(slots=True)
class Recorder:
    """Keeps every event; whoever waits for something looks at the newest picture."""

    api: Api
    namespace: str
    events: list[Event] = field(default_factory=list)
    now: Picture = field(default_factory=Picture)
    last: float = field(default_factory=time.monotonic)
    fault: str = ""
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _watches: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Begin; the namespace must be empty still."""
        paths = {
            "Task": f"{TASKS}/namespaces/{self.namespace}/tasks",
            "Pod": f"/api/v1/namespaces/{self.namespace}/pods",
        }
        for kind, path in paths.items():
            version = (await self.api.call("GET", path))["metadata"]["resourceVersion"]
            self._watches.append(asyncio.create_task(self._watch(kind, path, version)))

    async def stop(self) -> None:
        """End."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)

    async def until(self, found: Callable[[Picture], bool], what: str, seconds: float) -> None:
        """Return once the picture shows it. Raises StuckError."""
        try:
            async with asyncio.timeout(seconds), self._news:
                while not found(self.now):
                    await self._news.wait()
        except TimeoutError:
            raise StuckError(f"not in {seconds:g} s: {what}") from None

    def history(self) -> list[Event]:
        """All events so far, in the order of etcd."""
        return ordered(self.events)

    def picture(self, version: int) -> Picture:
        """What existed at a version."""
        return picture_at(self.history(), version)

    async def _watch(self, kind: str, path: str, version: str) -> None:
        async for raw in self.api.watch(path, version):
            item: Json = raw["object"]
            if raw["type"] not in {"ADDED", "MODIFIED", "DELETED"}:
                self.fault = f"the recorder's watch of {kind}s said {raw['type']}"
                return
            event = Event(int(item["metadata"]["resourceVersion"]), time.monotonic(), kind, raw["type"], item)
            async with self._news:
                self.events.append(event)
                self.now.take(event)
                self.last = event.at
                self._news.notify_all()
        self.fault = f"the recorder's watch of {kind}s ended"
