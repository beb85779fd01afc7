"""What happened to the Tasks and Pods of a namespace, seen by a watch from outside the operator, and the rules of it.

Every version is an event of the watch, so no step is missed; where the watch itself had to start anew, the first event
after that says so and is not compared with the one before. The order of Tasks and Pods together is that of their
resourceVersions: one etcd counts them all.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from loadstar.core.states import TRANSITIONS, State
from tests.e2e.connection import Background, Connection

PATHS = {
    "Task": "/apis/loadstar.dev/v1alpha1/namespaces/{}/tasks",
    "Pod": "/api/v1/namespaces/{}/pods",
}
AGAIN_SECONDS = 0.2
FINAL = ("state", "completionTime", "attempts", "failures", "disruptions", "exitCode")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """One event: when it arrived (monotonic seconds), and the object as it then was."""

    at: float
    kind: str
    change: str
    body: Json
    after_gap: bool

    @property
    def version(self) -> int:
        """The place in the order of all events."""
        return int(self.body["metadata"]["resourceVersion"])

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:
        """The uid of the Task that this is about; empty for a foreign Pod."""
        if self.kind == "Task":
            return str(self.body["metadata"]["uid"])
        return str(self.body["metadata"].get("labels", {}).get("loadstar.dev/task-uid", ""))

    @property
    def state(self) -> str:
        """A Task's state."""
        return str(self.body.get("status", {}).get("state", "PENDING"))

    @property
    def live(self) -> bool:
        """True while a Pod's container may run."""
        phase = self.body.get("status", {}).get("phase")
        return self.kind == "Pod" and self.change != "DELETED" and phase not in {"Succeeded", "Failed"}


class History:
    """A recording, from `with` on."""

    def __init__(self, namespace: str) -> None:
        self.events: list[Seen] = []
        self._namespace = namespace

    def __enter__(self) -> Self:
        """Start; returns once both watches have their first list."""
        self._background = Background()
        self._listed = {kind: asyncio.Event() for kind in PATHS}
        self._task = self._background.start(self._record())
        self._background.call(self._ready())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._background.end(self._task)
        self._background.close()

    def of(self, name: str) -> list[Seen]:
        """All events of a Task."""
        return [seen for seen in list(self.events) if (seen.kind, seen.name) == ("Task", name)]

    def states(self, name: str) -> list[str]:
        """The states of a Task, each change once."""
        found: list[str] = []
        for seen in self.of(name):
            if not found or found[-1] != seen.state:
                found.append(seen.state)
        return found

    def pods(self) -> list[Seen]:
        """Every Pod of ours that was created."""
        return [seen for seen in list(self.events) if seen.kind == "Pod" and seen.change == "ADDED" and seen.uid]

    def assignments(self) -> list[float]:
        """When each attempt was first seen to be assigned, in order."""
        first: dict[tuple[str, int], float] = {}
        for seen in list(self.events):
            if seen.kind == "Task" and seen.state != "PENDING":
                first.setdefault((seen.uid, seen.body["status"].get("attempt", 0)), seen.at)
        return sorted(first.values())

    def longest_wait(self, begin: float, end: float) -> float:
        """The longest time without an assignment among those between the last one before `begin` and `end`."""
        times = self.assignments()
        before = [at for at in times if at <= begin][-1:]
        inside = [at for at in times if begin < at <= end]
        points = [*(before or [begin]), *inside]
        return max((later - sooner for sooner, later in pairwise(points)), default=end - begin)

    def violations(self) -> list[str]:
        """Every rule that was broken, in words."""
        found: list[str] = []
        last: dict[str, Seen] = {}
        live: dict[str, dict[str, Seen]] = defaultdict(dict)
        made: dict[tuple[str, str], set[str]] = defaultdict(set)
        for seen in sorted(self.events, key=lambda item: item.version):
            if not seen.uid:
                continue
            if seen.kind == "Pod":
                own = live[seen.uid]
                own.pop(seen.name, None)
                if seen.live:
                    own[seen.name] = seen
                    found += _two_live(own)
                made[seen.uid, seen.name].add(seen.body["metadata"]["uid"])
            elif seen.change != "DELETED":
                found += _step(last.get(seen.uid), seen, sorted(live[seen.uid]))
                last[seen.uid] = seen
        found += [f"Pod {name} was created {len(uids)} times" for (_, name), uids in made.items() if len(uids) > 1]
        return list(dict.fromkeys(found))

    async def _ready(self) -> None:
        for listed in self._listed.values():
            await listed.wait()

    async def _record(self) -> None:
        async with Connection() as connection, asyncio.TaskGroup() as group:
            for kind, path in PATHS.items():
                group.create_task(self._follow(connection, kind, path.format(self._namespace)))

    async def _follow(self, connection: Connection, kind: str, path: str) -> None:
        version, first = "", True
        while True:
            try:
                if not version:
                    version = await self._list(connection, kind, path, gap=not first)
                    first = False
                    self._listed[kind].set()
                async with aclosing(connection.watch(path, version)) as stream:
                    async for event in stream:
                        if event["type"] == "ERROR":
                            version = ""
                            break
                        version = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] != "BOOKMARK":
                            self._add(kind, event["type"], event["object"])
            except OSError as error:
                version = "" if "HTTP 410" in str(error) else version
                await asyncio.sleep(AGAIN_SECONDS)

    async def _list(self, connection: Connection, kind: str, path: str, *, gap: bool) -> str:
        status, answer = await connection.send("GET", path)
        if status != 200:
            raise OSError(f"list of {kind}s: {status} {answer}")
        newest: dict[str, Seen] = {seen.body["metadata"]["uid"]: seen for seen in self.events if seen.kind == kind}
        for item in answer["items"]:
            known = newest.pop(item["metadata"]["uid"], None)
            if known is None or known.body["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                self._add(kind, "MODIFIED" if known else "ADDED", item, gap=gap)
        for lost in newest.values():
            if lost.change != "DELETED":
                self._add(kind, "DELETED", lost.body, gap=gap)
        return str(answer["metadata"]["resourceVersion"])

    def _add(self, kind: str, change: str, body: Json, *, gap: bool = False) -> None:
        self.events.append(Seen(time.monotonic(), kind, change, body, gap))


def _two_live(own: dict[str, Seen]) -> list[str]:
    return [f"two live Pods of one Task at once: {', '.join(sorted(own))}"] if len(own) > 1 else []


def _step(before: Seen | None, now: Seen, live: list[str]) -> list[str]:
    """The rules of one status after another."""
    found = []
    old, new = State(before.state if before else "PENDING"), State(now.state)
    if not now.after_gap and new is not old and new not in TRANSITIONS[old]:
        found.append(f"{now.name} went from {old} to {new}")
    if old.terminal and before:
        was, became = ({name: seen.body["status"].get(name) for name in FINAL} for seen in (before, now))
        if was != became:
            found.append(f"{now.name} was final and changed: {was} became {became}")
    if new.terminal and not old.terminal and live:
        found.append(f"{now.name} became {new} with a live Pod: {', '.join(live)}")
    observed = now.body.get("status", {}).get("observedGeneration", 0)
    generation = now.body["metadata"].get("generation", 0)
    if observed > generation:
        found.append(f"{now.name} has observed generation {observed} of {generation}")
    return found
