"""What really happened: Tasks and Pods as a watch from outside the operator tells it, with what must never be seen."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import aiohttp

from tests.fuzz.api import Api

Json = dict[str, Any]
Key = tuple[str, str]
Check = Callable[[Json], bool]

TASKS: Final = "apis/loadstar.dev/v1alpha1/tasks"
PODS: Final = "api/v1/pods"
LOOK_SECONDS: Final = 1.0
NODE_SECONDS: Final = 90.0
POD_NAME: Final = re.compile(r"^(?P<task>.+)-(?P<uid>[0-9a-f]{5})-0-(?P<attempt>[0-9]+)$")


class Recorder:
    """Follows all Tasks and Pods until it is cancelled."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.tasks: dict[Key, Json] = {}
        self.pods: dict[Key, Json] = {}
        self.writes: defaultdict[str, int] = defaultdict(int)
        """By uid of a Task: how often it was written."""
        self.made: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        """By namespace and the beginning of the name of a Task's Pods: the uids of all that there were."""
        self.overlaps: dict[tuple[str, str], list[Json]] = {}
        """Where two Pods of one Task were live at once: those Pods as they were."""
        self.running_at: dict[str, float] = {}
        """By uid of a Task: when it was first seen RUNNING or beyond (monotonic)."""
        self.changed: dict[tuple[str, str], float] = {}
        """By namespace and prefix: when the Task or a Pod of its was last seen to change (monotonic)."""
        self.foreign: set[str] = set()
        """Uids of Pods that the fuzz itself made: none of a Task's."""
        self._waiting: defaultdict[Key, list[tuple[Check, asyncio.Future[Json]]]] = defaultdict(list)
        self.synced = asyncio.Event()
        self.patience = 1.0
        """How many times longer than on a free machine things may take: what sound objects took says so."""

    async def run(self) -> None:
        """Follow both collections."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(PODS, self._pod))
            group.create_task(self._follow(TASKS, self._task))
            self.synced.set()

    async def until(self, key: Key, check: Check, seconds: float) -> Json | None:
        """The Task once the check holds; None when it does not in time or the Task is gone."""
        known = self.tasks.get(key)
        if known is not None and check(known):
            return known
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        entry = (check, future)
        self._waiting[key].append(entry)
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            self._waiting[key].remove(entry)
            if not self._waiting[key]:
                del self._waiting[key]

    async def in_time(self, task: Json, check: Check, seconds: float) -> Json | None:
        """The Task once the check holds; None when the operator let so many seconds pass in which it was its turn.

        While a Pod of the Task's is on its way to run, or runs, it is the node's turn: a slow machine is no fault.
        """
        begun = time.monotonic()
        seconds *= self.patience
        end = begun + NODE_SECONDS * self.patience
        while time.monotonic() < end:
            if found := await self.until(key_of(task), check, LOOK_SECONDS):
                return found
            busy = any(_on_node(pod) for pod in self.pods_of(task))
            if not busy and time.monotonic() - max(begun, self.changed.get(_prefix(task), begun)) > seconds:
                return None
        return None

    def pods_of(self, task: Json) -> list[Json]:
        """The Pods that the operator made for a Task, by their names: labels may have been tampered with."""
        prefix = _prefix(task)
        return [
            pod
            for (namespace, name), pod in self.pods.items()
            if (found := POD_NAME.match(name))
            and (namespace, f"{found['task']}-{found['uid']}") == prefix
            and pod["metadata"]["uid"] not in self.foreign
        ]

    def count_made(self, task: Json) -> int:
        """How many Pods were ever made for the Task."""
        return len(self.made[_prefix(task)] - self.foreign)

    def overlap(self, task: Json) -> str:
        """In words where two of its Pods were live at once; empty when never."""
        # Which Pods are the fuzz's own may be known only after the watch has told of them.
        live = [pod for pod in self.overlaps.get(_prefix(task), ()) if pod["metadata"]["uid"] not in self.foreign]
        return f"live at once: {', '.join(sorted(map(_told, live)))}" if len(live) > 1 else ""

    def forget(self, task: Json) -> None:
        """A Task is done with: what is kept of it goes."""
        self.made.pop(_prefix(task), None)
        self.overlaps.pop(_prefix(task), None)
        self.writes.pop(task["metadata"]["uid"], None)
        self.changed.pop(_prefix(task), None)

    async def _follow(self, path: str, take: Callable[[str, Json], None]) -> None:
        while True:
            try:
                answer = await self._api.get(path)
                for item in answer.body.get("items", ()):
                    take("ADDED", item)
                version = str(answer.body["metadata"]["resourceVersion"])
                async with self._api.watch(path, version) as events:
                    async for event in events:
                        if event["type"] == "ERROR":
                            break
                        if event["type"] != "BOOKMARK":
                            take(event["type"], event["object"])
            except (aiohttp.ClientError, OSError, KeyError):
                await asyncio.sleep(0.5)

    def _task(self, kind: str, task: Json) -> None:
        meta = task["metadata"]
        key = (meta["namespace"], meta["name"])
        if kind == "DELETED":
            self.tasks.pop(key, None)
            return
        known = self.tasks.get(key)
        if known is None or known["metadata"]["resourceVersion"] != meta["resourceVersion"]:
            self.writes[meta["uid"]] += 1
        self.tasks[key] = task
        self.changed[_prefix(task)] = time.monotonic()
        if task.get("status", {}).get("state") in {"RUNNING", "SUCCESS", "FAILED"}:
            self.running_at.setdefault(meta["uid"], time.monotonic())
        for check, future in self._waiting.get(key, ()):
            if not future.done() and check(task):
                future.set_result(task)

    def _pod(self, kind: str, pod: Json) -> None:
        meta = pod["metadata"]
        key = (meta["namespace"], meta["name"])
        if kind == "DELETED":
            self.pods.pop(key, None)
            return
        self.pods[key] = pod
        found = POD_NAME.match(meta["name"])
        if found is None or meta["uid"] in self.foreign:
            return
        prefix = (meta["namespace"], f"{found['task']}-{found['uid']}")
        self.changed[prefix] = time.monotonic()
        if kind != "ADDED":
            return
        self.made[prefix].add(meta["uid"])
        live = [
            other
            for uid in self.made[prefix]
            for other in self.pods.values()
            if other["metadata"]["uid"] == uid and uid not in self.foreign and _live(other)
        ]
        if len(live) > 1:
            self.overlaps[prefix] = live


def key_of(task: Json) -> Key:
    """(namespace, name)."""
    return task["metadata"]["namespace"], task["metadata"]["name"]


def _live(pod: Json) -> bool:
    """A Pod deleted without grace is over: its kubelet has said so or an administrator has; only its object lingers."""
    over = "deletionTimestamp" in pod["metadata"] and pod["metadata"].get("deletionGracePeriodSeconds") == 0
    return not over and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}


def _told(pod: Json) -> str:
    meta, status = pod["metadata"], pod.get("status", {})
    words = [str(status.get("phase")), f"on {pod['spec'].get('nodeName')}", f"made {meta.get('creationTimestamp')}"]
    if "deletionTimestamp" in meta:
        words.append(f"going {meta['deletionTimestamp']} grace {meta.get('deletionGracePeriodSeconds')}")
    return f"{meta['name']} ({', '.join(words)})"


def _on_node(pod: Json) -> bool:
    phase = pod.get("status", {}).get("phase")
    return phase == "Running" or (phase == "Pending" and bool(pod["spec"].get("nodeName")))


def _prefix(task: Json) -> tuple[str, str]:
    meta = task["metadata"]
    return meta["namespace"], f"{meta['name'][:38]}-{meta['uid'][:5]}"
