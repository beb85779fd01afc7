"""What becomes of Tasks on real nodes: when each came, had its node, ran and ended, by the one clock of the machine.

Nodes, burners and bench share that clock, so that what a burner says with its last breath needs no correction; what a
watch sees is some milliseconds late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.live.real_burner import Told, since_boot, told
from bench.throughput.observer import Disturbed, events
from bench.throughput.rivals import PODS, TASKS
from bench.throughput.session import Session

Json = dict[str, Any]

TASK_LABEL = "loadstar.dev/task"
TERMINAL = frozenset({"SUCCESS", "FAILED"})
EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Course:
    """One Task. `created`, `bound`: seconds since boot; `told`: by the burner of the attempt that succeeded."""

    name: str
    kind: str
    work: float
    created: float
    bound: float | None = None
    node: str = ""
    told: Told | None = None
    state: str = "PENDING"
    failures: int = 0
    disruptions: int = 0
    reasons: list[str] = field(default_factory=list)
    """Why attempts ended that did not succeed."""
    killed_at: str = ""
    """The request below the declared memory with which an attempt was killed."""

    @property
    def run(self) -> float | None:
        """Seconds from the first to the last slot of the burner."""
        return None if self.told is None else self.told.ended - self.told.began

    @property
    def completion(self) -> float | None:
        """Seconds from its arrival to the end of its burner."""
        return None if self.told is None else self.told.ended - self.created


class Courses:
    """All Tasks of the bench's namespace, watched."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.of: dict[str, Course] = {}

    async def create(self, document: Json, kind: str, work: float) -> None:
        """Create a Task; `work`: seconds that it takes where nothing contends."""
        name = document["metadata"]["name"]
        self.of[name] = Course(name, kind, work, since_boot())
        await self._session.call("POST", TASKS, document)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch from now on. Raises Disturbed when a watch breaks for good."""
        versions = await self._session.version(PODS), await self._session.version(TASKS)
        async with asyncio.TaskGroup() as group:
            watches = [
                group.create_task(self._watch(PODS, versions[0], self.pod)),
                group.create_task(self._watch(TASKS, versions[1], self.task)),
            ]
            yield
            for watch in watches:
                watch.cancel()

    async def ended(self, seconds: float, names: Iterable[str] | None = None) -> None:
        """Return once these Tasks, or all, are terminal. Raises Disturbed after so many seconds."""
        wanted = list(self.of if names is None else names)
        end = time.monotonic() + seconds
        while left := [name for name in wanted if self.of[name].state not in TERMINAL]:
            if time.monotonic() > end:
                raise Disturbed(f"{len(left)} of {len(wanted)} Tasks did not end in {seconds:g} s, such as {left[0]}")
            await asyncio.sleep(EVERY_SECONDS)

    def pod(self, raw: Json) -> None:
        """Take note of a Pod as it is now."""
        course = self.of.get((raw["metadata"].get("labels") or {}).get(TASK_LABEL, ""))
        if course is None:
            return
        node = raw["spec"].get("nodeName", "")
        if node and course.bound is None:
            course.bound = since_boot()
        if node:
            course.node = node
        for status in raw["status"].get("containerStatuses") or ():
            ended = (status.get("state") or {}).get("terminated")
            if ended and ended.get("exitCode") == 0:
                course.told = told(ended.get("message", "")) or course.told

    def task(self, raw: Json) -> None:
        """Take note of a Task as it is now."""
        course = self.of.get(raw["metadata"]["name"])
        if course is None:
            return
        status = raw.get("status") or {}
        course.state = status.get("state", course.state)
        course.failures = status.get("failures", 0)
        course.disruptions = status.get("disruptions", 0)
        course.reasons = [one["reason"] for one in status.get("attempts") or ()]
        course.killed_at = (status.get("resources") or {}).get("killedAt", "")

    async def _watch(self, collection: str, version: str, note: Callable[[Json], None]) -> None:
        async for event in events(self._session, collection, version):
            if event["type"] != "DELETED":
                note(event["object"])


def running(courses: Iterable[Course], since: float, until: float) -> float:
    """How many of them ran at once in that time, in the mean."""
    inside = 0.0
    for course in courses:
        if course.told is not None:
            inside += max(0.0, min(course.told.ended, until) - max(course.told.began, since))
    return inside / (until - since)
