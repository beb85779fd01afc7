"""What happens to the Tasks of a trace, seen by watches from outside: when each was bound, ran and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from math import inf
from typing import Any

from bench.live.units import Units
from bench.throughput.observer import events
from bench.throughput.rivals import PODS
from bench.throughput.session import Session
from loadstar.simulate.job import Job
from loadstar.simulate.outcome import Course

Json = dict[str, Any]


class Watch:
    """Fills the courses of Tasks by their `uid`; times are what `clock` says. What a Pod does last is what counts."""

    def __init__(self, session: Session, units: Units, jobs: Iterable[Job], clock: Callable[[], float]) -> None:
        self._session = session
        self._units = units
        self._clock = clock
        self._changed = asyncio.Event()
        self.courses = {job.uid: Course(job.arrival, job.work, 0.0) for job in jobs}
        self._left = set(self.courses)
        self._over: set[str] = set()
        self.failed: list[str] = []

    @asynccontextmanager
    async def watching(self, heard: Callable[[Json], None] | None = None) -> AsyncIterator[None]:
        """Watch from now on; `heard` is told every event of a Pod too. Raises Disturbed when a watch breaks."""
        pods, units = await self._session.version(PODS), await self._session.version(self._units.collection)
        async with asyncio.TaskGroup() as group:
            watches = [group.create_task(self._pods(pods, heard)), group.create_task(self._ends(units))]
            yield
            for watch in watches:
                watch.cancel()

    async def until(self, moment: float) -> int:
        """Return once all have ended, at that moment at the latest; how many have not."""
        while self._left and self._clock() < moment:
            self._changed.clear()
            try:
                async with asyncio.timeout(min(1.0, max(0.01, moment - self._clock()))):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return len(self._left)

    async def _pods(self, version: str, heard: Callable[[Json], None] | None) -> None:
        async for event in events(self._session, PODS, version):
            if heard is not None:
                heard(event)
            self.see(event["object"], self._clock())

    def see(self, pod: Json, now: float) -> None:
        """Take in a Pod as it is now."""
        course, uid = self.courses.get(owner(pod)), pod["metadata"]["uid"]
        if course is None or uid in self._over:
            return
        node, phase = pod["spec"].get("nodeName", ""), pod.get("status", {}).get("phase")
        if node and course.placed == inf:
            course.placed, course.attempts = now, course.attempts + 1
            course.node = node
        if phase == "Running" and course.started == inf:
            course.started = now
        elif phase == "Succeeded" and course.finished == inf:
            course.started, course.finished = min(course.started, now), now
        elif phase == "Failed":
            # Another Pod comes: the run that counts is that one, the wait is from the arrival on.
            self._over.add(uid)
            course.placed = course.started = inf

    async def _ends(self, version: str) -> None:
        async for event in events(self._session, self._units.collection, version):
            raw = event["object"]
            name, verdict = raw["metadata"]["name"], self._units.ended(raw)
            if verdict is not None and name in self._left:
                self._left.discard(name)
                if not verdict:
                    self.failed.append(name)
                self._changed.set()


def owner(pod: Json) -> str:
    """The name of the Task or Job that the Pod belongs to, "" for none."""
    return next((str(item["name"]) for item in pod["metadata"].get("ownerReferences") or ()), "")
