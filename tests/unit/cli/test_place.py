"""`loadstar why` of a Task that waits: its place in its queue, what but room is in its way, nodes kept for others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest
from click.testing import CliRunner

from loadstar.api import API_VERSION
from loadstar.cli import main
from tests.unit.cli.cluster import POLICY, FakeClient, Json, node, pod, task

HERE = f"/apis/{API_VERSION}/namespaces/ns"
CREATED = "2026-01-31T12:00:0{}Z"


def queued(name: str, age: int, state: str = "PENDING", **spec: Any) -> Json:
    one = task(name, state)
    one["metadata"]["creationTimestamp"] = CREATED.format(age)
    one["spec"].update(spec)
    return one


def run(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, queue: Json | None = None, status: Json | None = None, **spec: Any
) -> Any:
    """`t` waits with three others; one Task runs; there is one node of 4 cores with 3 free."""
    tasks = [
        queued("first", 1, priority=900),
        queued("second", 2),
        queued("third", 3),
        queued("t", 4, **spec),
        queued("runs", 0, "RUNNING"),
        queued("rests", 0, suspend=True),
    ]
    tasks[4]["status"].update(assignedTo="a", attempt=1)

    @asynccontextmanager
    async def connected() -> AsyncIterator[FakeClient]:
        client = FakeClient()
        client.objects[f"{HERE}/tasks"] = client.objects[f"/apis/{API_VERSION}/tasks"] = {"items": tasks}
        client.objects[f"{HERE}/tasks/t"] = tasks[3]
        client.objects[f"{HERE}/taskqueues"] = {"items": [queue] if queue else []}
        client.objects["/api/v1/nodes"]["items"] = [node("a")]
        client.objects["/api/v1/pods"]["items"] = [pod("runs-uid-r-0-1", "a", "1", owner="runs")]
        client.objects[POLICY]["status"] = status or {}
        yield client

    monkeypatch.setattr(import_module("loadstar.cli.why"), "connected", connected)
    done = CliRunner().invoke(main, ["why", "t", "-n", "ns", *arguments])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if "json" in arguments else done.output


def spec(**fields: Any) -> Json:
    return {"metadata": {"namespace": "ns", "name": "default", "generation": 1}, "spec": fields}


def test_the_place_and_who_comes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the queue's ordering; who is suspended waits for nothing."""
    said = run(monkeypatch)
    assert "queue    default (Priority): place 4 of 4, after first, second, third; one of them that finds no" in said
    assert "now      it would be placed: " in said
    said = run(monkeypatch, queue=spec(ordering="FIFO"), priority=1000)
    assert "queue    default (FIFO): place 4 of 4, after first, second, third" in said
    found = run(monkeypatch, "-o", "json", priority=1000)["queue"]
    assert found == {"name": "default", "ordering": "Priority", "place": 1, "waiting": 4, "ahead": []}


def test_what_is_in_the_way_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit, a suspended queue: each is said in the place of a node that it would not get."""
    said = run(monkeypatch, queue=spec(limits={"running": 1}))
    assert "now      queue default: 1 of 1 Tasks hold a node" in said
    found = run(monkeypatch, "-o", "json", queue=spec(limits={"cpu": "1500m"}))["now"]
    assert found["reason"] == "QueueLimit"
    assert found["message"] == "queue default: cpu 1 of 1500m is held; asks for 1"
    assert "now      queue default is suspended" in run(monkeypatch, queue=spec(suspend=True))


def test_a_node_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """For another Task it has no room; for this one it is said, and its own claim is not in its way."""
    kept = {"kept": [{"node": "a", "task": "ns/big", "cpu": "4", "memory": "1Gi"}]}
    assert "now      0/1 nodes: 1 without room for the request now (cpu 0 free)" in run(monkeypatch, status=kept)
    kept["kept"][0]["task"] = "ns/t"
    said = run(monkeypatch, status=kept)
    assert "kept     a is kept for it until it fits" in said
    assert "now      it would be placed: " in said
