"""What a scenario may do: play the user, take part of the world away, and wait for what is seen, never for a time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.faults.api import MERGE, TASKS, Api
from tests.faults.history import Json, Picture, phase, state, status
from tests.faults.recorder import Recorder, StuckError

PATIENCE = 75.0
"""The longest that anything may take in any case: a lease, a start, a resync and a loaded machine together."""


def task(name: str, seconds: str, *codes: int, **spec: Any) -> Json:
    """A Task whose attempts run so long and end with these codes."""
    worker = {
        "image": "simulated",
        "command": ["simulate", seconds, *map(str, codes)],
        "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}},
    }
    return {
        "apiVersion": "loadstar.dev/v1alpha1",
        "kind": "Task",
        "metadata": {"name": name},
        "spec": {"worker": worker, "placement": {"nodeSelector": {"type": "kwok"}}, **spec},
    }


@dataclass(slots=True)
class World:
    """One case's namespace; `down` and `up` are the operator's."""

    api: Api
    namespace: str
    recorder: Recorder
    down: Callable[[], Awaitable[None]]
    up: Callable[[], Awaitable[None]]
    patience: float = PATIENCE
    created: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    @property
    def _tasks(self) -> str:
        return f"{TASKS}/namespaces/{self.namespace}/tasks"

    async def create(self, document: Json) -> str:
        """Create a Task; returns its uid."""
        made = await self.api.call("POST", self._tasks, document)
        self.created.add(made["metadata"]["uid"])
        return str(made["metadata"]["uid"])

    async def change(self, name: str, **spec: Any) -> None:
        """Change a Task's spec."""
        await self.api.call("PATCH", f"{self._tasks}/{name}", {"spec": spec}, content=MERGE)

    async def delete(self, name: str) -> str:
        """Delete a Task; returns its uid."""
        uid = self._named(name)["metadata"]["uid"]
        self.deleted.add(uid)
        await self.api.call("DELETE", f"{self._tasks}/{name}", {"preconditions": {"uid": uid}})
        return str(uid)

    async def delete_pod(self, name: str) -> None:
        """Delete a Pod, as somebody with kubectl would."""
        await self.api.call("DELETE", f"/api/v1/namespaces/{self.namespace}/pods/{name}")

    async def succeed(self, pod: Json) -> None:
        """Let a Pod's container end with 0 now, as its kubelet would tell."""
        ended = {"exitCode": 0, "reason": "Completed", "startedAt": pod["status"]["startTime"], "finishedAt": _now()}
        old = pod["status"]["containerStatuses"][0]
        container = {**old, "ready": False, "started": False, "state": {"terminated": ended}}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/status"
        body = {"status": {"phase": "Succeeded", "containerStatuses": [container]}}
        await self.api.call("PATCH", path, body, content=MERGE)

    async def put(self, path: str, document: Json) -> None:
        """Create another object in the namespace."""
        await self.api.call("POST", path.format(namespace=self.namespace), document)

    async def remove(self, path: str) -> None:
        """Delete another object of the namespace."""
        await self.api.call("DELETE", path.format(namespace=self.namespace))

    @asynccontextmanager
    async def seat(self, node: str) -> AsyncIterator[str]:
        """A resource of which this node offers one, and to this namespace's Tasks alone; its name."""
        name = f"faults.loadstar.dev/{self.namespace}"

        async def offer(count: str | None) -> None:
            body = {"status": {"capacity": {name: count}, "allocatable": {name: count}}}
            await self.api.call("PATCH", f"/api/v1/nodes/{node}/status", body, content=MERGE)

        await offer("1")
        try:
            yield name
        finally:
            await offer(None)

    async def label(self, **labels: str | None) -> None:
        """Label the namespace; None takes a label away."""
        body = {"metadata": {"labels": {name.replace("_", "-"): value for name, value in labels.items()}}}
        await self.api.call("PATCH", f"/api/v1/namespaces/{self.namespace}", body, content=MERGE)

    async def until_state(self, name: str, *states: str, reason: str = "") -> Json:
        """Return the Task once it is in one of the states, for this reason if one is given."""

        def there(found: Json) -> bool:
            return state(found) in states and (not reason or status(found).get("reason") == reason)

        return await self.until_task(name, there, f"{name} {'/'.join(states)} {reason}".strip())

    async def until_task(self, name: str, found: Callable[[Json], bool], what: str) -> Json:
        """Return the Task once it is so."""

        def there(now: Picture) -> bool:
            return any(found(item) for item in now.tasks.values() if item["metadata"]["name"] == name)

        await self._until(there, what)
        return self._named(name)

    async def until_pod(self, *phases: str, attempt: int = 1) -> Json:
        """Return the Pod of an attempt once it is in one of the phases."""

        def fits(pod: Json) -> bool:
            return phase(pod) in phases and pod["metadata"]["labels"]["loadstar.dev/attempt"] == str(attempt)

        await self._until(lambda now: any(map(fits, now.pods.values())), f"the Pod of attempt {attempt} {phases}")
        return next(pod for pod in self.recorder.now.pods.values() if fits(pod))

    async def until_gone(self, *uids: str) -> None:
        """Return once none of these exists."""
        await self._until(lambda now: not (set(uids) & (now.tasks.keys() | now.pods.keys())), f"{uids} gone")

    async def until_no_pods(self) -> None:
        """Return once no Pod exists."""
        await self._until(lambda now: not now.pods, "no Pod is left")

    async def _until(self, found: Callable[[Picture], bool], what: str) -> None:
        before = time.monotonic()
        try:
            await self.recorder.until(found, what, self.patience)
        except StuckError as error:
            seen = {item["metadata"]["name"]: status(item) for item in self.recorder.now.tasks.values()}
            pods = {item["metadata"]["name"]: phase(item) for item in self.recorder.now.pods.values()}
            spent = time.monotonic() - before
            raise StuckError(f"{error} (waited {spent:.0f} s); Tasks {_short(seen)}; Pods {pods}") from None

    def _named(self, name: str) -> Json:
        return next(item for item in self.recorder.now.tasks.values() if item["metadata"]["name"] == name)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _short(seen: dict[str, Json]) -> dict[str, Json]:
    wanted = ("state", "reason", "message", "attempt", "pod", "stopping", "failures", "disruptions")
    return {name: {key: told[key] for key in wanted if key in told} for name, told in seen.items()}
