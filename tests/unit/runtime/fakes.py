"""A cluster and a clock in memory, behind the runtime's ports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from loadstar.core.model import Condition, Phase, Pod, Task, TaskStatus
from loadstar.core.naming import pod_name
from loadstar.core.result import NO_RESULTS
from loadstar.core.standing import Topology
from loadstar.core.states import guard
from loadstar.core.template import Template
from loadstar.runtime.ports import AlreadyExists, ClusterError, Conflict, LeaseRecord, NotFound
from tests.unit.core.builders import pod


class FakeClock:
    """Turned by hand."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def boottime(self) -> float:
        return self.time


class LoopClock:
    """Follows the event loop's time."""

    def now(self) -> float:
        return 1_000_000.0 + asyncio.get_running_loop().time()

    def boottime(self) -> float:
        return asyncio.get_running_loop().time()


class FakeLeases:
    """One Lease."""

    def __init__(self) -> None:
        self.record: LeaseRecord | None = None
        self.away = False
        self._version = 0

    async def read_lease(self) -> LeaseRecord | None:
        self._check()
        return self.record

    async def write_lease(
        self, holder: str, duration: float, transitions: int, over: LeaseRecord | None
    ) -> LeaseRecord:
        self._check()
        if over != self.record:
            raise Conflict("somebody was faster")
        self._version += 1
        self.record = LeaseRecord(holder, duration, transitions, str(self._version), str(self._version))
        return self.record

    def _check(self) -> None:
        if self.away:
            raise ClusterError("away")


class FakeCluster:
    """Tasks and Pods with resourceVersions; refuses what the API server would refuse."""

    def __init__(self) -> None:
        self.tasks: dict[tuple[str, str], Task] = {}
        self.pods: dict[str, Pod] = {}
        self.faults: list[ClusterError] = []
        self.writes = 0
        self.created: list[str] = []
        self.events: list[str] = []
        self.results: dict[str, dict[str, str]] = {}
        self.topologies: list[Topology] = []
        self._version = 10

    def _write(self) -> str:
        self.writes += 1
        if self.faults:
            raise self.faults.pop(0)
        self._version += 1
        return str(self._version)

    async def write_status(self, task: Task, status: TaskStatus) -> Task:
        version = self._write()
        current = self.tasks.get(task.key)
        if current is None:
            raise NotFound(task.name)
        if current.resource_version != task.resource_version:
            raise Conflict(task.name)
        guard(current.status.state, status.state)
        self.tasks[task.key] = replace(current, status=status, resource_version=version)
        return self.tasks[task.key]

    async def read_task(self, namespace: str, name: str) -> Task | None:
        return self.tasks.get((namespace, name))

    async def delete_task(self, task: Task) -> None:
        self._write()
        self.tasks.pop(task.key, None)

    async def create_pod(
        self,
        task: Task,
        template: Template,
        attempt: int,
        node: str,
        others: tuple[str, ...] = (),
        results: Mapping[str, str] = NO_RESULTS,
    ) -> Pod:
        version = self._write()
        name = pod_name(task.name, task.uid, 0, attempt)
        if name in self.pods:
            raise AlreadyExists(name)
        self.created.append(name)
        self.results[name] = dict(results)
        self.pods[name] = pod(
            name=name,
            uid=f"uid-{name}",
            resource_version=version,
            task_uid=task.uid,
            attempt=attempt,
            node=node,
            requests=template.requests,
        )
        return self.pods[name]

    async def read_pod(self, namespace: str, name: str) -> Pod | None:
        return self.pods.get(name)

    async def delete_pod(self, pod: Pod, *, force: bool) -> None:
        self._write()
        self.pods.pop(pod.name, None)

    async def release_pod(self, pod: Pod) -> Pod | None:
        version = self._write()
        self.pods[pod.name] = replace(self.pods[pod.name], tracked=False, resource_version=version)
        return self.pods[pod.name]

    async def restore_pod(self, task: Task, pod: Pod) -> Pod | None:
        version = self._write()
        self.pods[pod.name] = replace(self.pods[pod.name], altered=False, resource_version=version)
        return self.pods[pod.name]

    async def emit(self, task: Task, reason: str, message: str) -> None:
        self.events.append(reason)

    async def create_policy(self) -> None:
        self._write()

    async def write_policy_status(
        self, generation: int, topology: Topology, conditions: Sequence[Condition], now: float
    ) -> None:
        self._write()
        self.topologies.append(topology)

    def run_pod(self, name: str, phase: Phase, **fields: object) -> Pod:
        """What a kubelet would report."""
        self._version += 1
        changes = {"phase": phase, "resource_version": str(self._version), "started": 1.0, **fields}
        self.pods[name] = replace(self.pods[name], **changes)  # type: ignore[arg-type] # fields of Pod by name
        return self.pods[name]
