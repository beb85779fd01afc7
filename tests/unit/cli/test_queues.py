"""`loadstar queues`: every queue that there is or that Tasks name, with what waits, why, and whose share is what."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstar.api import API_VERSION
from loadstar.cli import main
from loadstar.cli.queues import NONE
from tests.unit.cli.cluster import FakeClient, task

Json = dict[str, Any]
TASKS = f"/apis/{API_VERSION}/namespaces/ns/tasks"
QUEUES = f"/apis/{API_VERSION}/namespaces/ns/taskqueues"
OLD = "2026-01-31T12:00:00Z"


def queue(name: str, **spec: Any) -> Json:
    return {"metadata": {"namespace": "ns", "name": name}, "spec": spec}


def waits(name: str, queue: str, reason: str) -> Json:
    found = task(name, "PENDING", reason=reason)
    found["metadata"]["creationTimestamp"] = OLD
    found["spec"]["queue"] = queue
    return found


def runs(name: str, queue: str) -> Json:
    found = task(name, "RUNNING", assignedTo="a")
    found["spec"]["queue"] = queue
    return found


def run(client: FakeClient, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    @asynccontextmanager
    async def connected() -> AsyncIterator[FakeClient]:
        yield client

    monkeypatch.setattr(import_module("loadstar.cli.queues"), "connected", connected)
    return CliRunner().invoke(main, ["queues", "-n", "ns", *arguments])


def cluster(queues: list[Json], tasks: list[Json]) -> FakeClient:
    return FakeClient((), **{QUEUES: {"items": queues}, TASKS: {"items": tasks}})


BUSY = cluster(
    [
        queue("nightly", weight=300, limits={"running": 3, "cpu": "8"}, ordering="FIFO"),
        queue("idle", weight=500),
        queue("held", suspend=True),
    ],
    [
        *(runs(f"r{number}", "nightly") for number in range(3)),
        runs("r3", "default"),
        waits("w1", "nightly", "QueueLimit"),
        waits("w2", "nightly", "QueueLimit"),
        waits("w3", "nightly", "Queued"),
        waits("w4", "held", "QueueSuspended"),
        waits("w5", "lost", "QueueNotFound"),
    ],
)


def test_queues_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares are of those queues that have Tasks; what is held is beside what the namespace holds."""
    done = run(BUSY, monkeypatch, "-o", "json")
    assert done.exit_code == 0
    found = {item["name"]: item for item in json.loads(done.output)["queues"]}
    assert list(found) == ["default", "held", "idle", "lost", "nightly"]
    nightly = found["nightly"]
    assert nightly["reasons"] == {"QueueLimit": 2, "Queued": 1}
    assert (nightly["pending"], nightly["running"], nightly["used"]) == (3, 3, {"cpu": "3", "memory": "3Gi"})
    assert nightly["share"] == 0.5
    assert nightly["has"] == 0.75
    assert nightly["oldestWaitSeconds"] > 0
    assert nightly["limits"] == "3 of 3 running, cpu 3 of 8"
    assert (found["idle"]["share"], found["idle"]["has"], found["idle"]["oldestWaitSeconds"]) == (None, 0, None)
    assert [name for name, item in found.items() if not item["exists"]] == ["default", "lost"]


def test_queues_are_told_in_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why Tasks wait stands at the end; a queue that Tasks name and nobody made is marked, `default` is not."""
    said = run(BUSY, monkeypatch).output.splitlines()
    rows = {line.split()[1]: line for line in said[1:6]}
    assert rows["nightly"].endswith(" s  QueueLimit 2, Queued 1")
    assert " FIFO " in rows["nightly"]
    assert " 300     50%    75%  3        3 " in rows["nightly"]
    assert rows["held"].endswith("suspended, QueueSuspended 1")
    assert "lost (missing)" in rows["lost"]
    assert "(missing)" not in rows["default"]
    assert said[6].startswith("SHARE: ")


def test_nothing_is_said_to_be_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither Tasks nor queues, or the kind is not installed."""
    assert run(cluster([], []), monkeypatch).output.strip() == NONE
    bare = FakeClient((), **{TASKS: {"items": []}})
    assert run(bare, monkeypatch).output.strip() == NONE
