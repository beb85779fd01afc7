"""Healthy Tasks all the while: each must succeed, and start about as soon as before the fuzz."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

from tests.fuzz.api import TASKS
from tests.fuzz.bases import worker
from tests.fuzz.recorder import key_of
from tests.fuzz.world import World, ended

Json = dict[str, Any]

NAMESPACE: Final = "fuzz-steady"
END_SECONDS: Final = 60.0
EVERY_SECONDS: Final = 0.33


@dataclass(slots=True)
class Start:
    """One healthy Task: when it was applied (monotonic) and how long it took to RUNNING."""

    applied: float
    took: float


class Steady:
    """The stream."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._number = 0
        self.starts: list[Start] = []
        self.lost = 0
        self.made = 0

    async def run(self, stop: asyncio.Event) -> None:
        """One Task every third of a second until told to stop; returns when all have ended."""
        async with asyncio.TaskGroup() as group:
            due = time.monotonic()
            while not stop.is_set():
                group.create_task(self._one(self._number))
                self._number += 1
                due += EVERY_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _one(self, number: int) -> None:
        world = self._world
        spec = {"worker": worker("simulate", "1"), "placement": {"nodeSelector": {"fuzz": "steady"}}, "priority": 600}
        applied = time.monotonic()
        made = await world.create(f"steady-{number}", spec, namespace=NAMESPACE)
        if not made.ok:
            self.lost += 1
            world.book.fault(None, f"a healthy Task was refused ({made.code})", made.message)
            return
        self.made += 1
        task = made.body
        found = await world.recorder.in_time(task, ended, END_SECONDS)
        started = world.recorder.running_at.get(task["metadata"]["uid"])
        if started is not None:
            self.starts.append(Start(applied, started - applied))
        if found is None or found["status"]["state"] != "SUCCESS":
            self.lost += 1
            now = world.recorder.tasks.get(key_of(task), {}).get("status")
            world.book.fault(None, f"healthy Task {made.body['metadata']['name']} did not succeed", now)
        await world.api.delete(f"{TASKS.format(NAMESPACE)}/{task['metadata']['name']}")
        world.recorder.forget(task)

    def p95(self, since: float, until: float) -> float | None:
        """The time to RUNNING that 95 of 100 Tasks did not need, of those applied in this span."""
        times = sorted(start.took for start in self.starts if since <= start.applied < until)
        return times[min(len(times) - 1, int(len(times) * 0.95))] if times else None
