"""`loadstar top`: all nodes, live, or what was reported."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import pytest
from click.testing import CliRunner, Result

from loadstar.api import API_VERSION
from loadstar.api.standing import topology_document
from loadstar.cli import main
from loadstar.cli.top import lines, live, reported, states
from loadstar.core.reservations import Reservation
from loadstar.core.standing import standings, topology
from tests.unit.cli.cluster import POLICY, FakeClient, node, task
from tests.unit.core.builders import GI, snapshot, view

CONDITION = {"type": "LoadDataFresh", "status": "True", "message": "all 2 open nodes have a fresh load sample"}
NOBODY: dict[str, dict[str, int]] = {"states": {}, "waiting": {}}


def test_nodes_are_told_by_term() -> None:
    """Measured, reserved, predicted, class with its cause, sample age; then all in sum, conditions and Tasks."""
    nodes = [view("a", 0.2, 0.1, reservations=[Reservation(400, GI)]), view("hot", 0.9), view("blind", cpu=None)]
    tasks = states([task("x"), task("y", "PENDING", reason="NoReadyNode"), task("z", "RUNNING")])
    text = lines({**live(snapshot(*nodes), {"conditions": [CONDITION]}), "tasks": tasks})
    assert text[0].split() == ["NODE", "CLASS", "SCORE", "CPU", "MEMORY", "IO", "TASKS", "SAMPLE", "WHY"]
    assert text[1].split()[:3] == ["a", "Cold", "0.27"]
    assert "0.20 +0.10 = 0.30  0.10 +0.12 = 0.23  ?   1      5 s" in text[1]
    assert text[2].endswith("cpu 0.90 over 0.85")
    assert text[3].split()[1:3] == ["Unknown", "0.60"]
    assert "3 nodes: 2 fresh, 1 unknown, 1 hot, 0 quarantined, 0 closed" in text[5]
    assert text[6] == "LoadDataFresh=True: all 2 open nodes have a fresh load sample"
    assert text[8:] == ["PENDING 2  RUNNING 1", "  waiting: Queued 1", "  waiting: NoReadyNode 1"]


def test_all_nodes_are_shown_live_and_some_from_the_status() -> None:
    """100 nodes are 100 lines; the status has the 20 best and the 20 worst, still best first, and that is said."""
    now = snapshot(*(view(f"n{number:03}", number / 200) for number in range(100)))
    every = live(now, {})
    assert [item["name"] for item in every["nodes"]] == [f"n{number:03}" for number in range(100)]
    status = {**topology_document(topology(standings(now))), "updatedTime": "2026-01-31T12:00:00Z"}
    some = reported(status)
    assert [item["name"] for item in some["nodes"]] == [f"n{n:03}" for n in (*range(20), *range(80, 100))]
    said = lines({**some, "tasks": NOBODY})
    assert (
        "40 of 100 nodes, as the operator reported them at 2026-01-31T12:00:00Z: you may not list nodes and Pods"
        in said
    )
    assert some["nodes"][0] == every["nodes"][0], "the same node is told alike"


def run(client: FakeClient, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    @asynccontextmanager
    async def connected() -> AsyncIterator[FakeClient]:
        yield client

    monkeypatch.setattr(import_module("loadstar.cli.top"), "connected", connected)
    return CliRunner().invoke(main, ["top", *arguments])


def test_the_command_is_live_and_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may list nodes sees them all; who may not sees the status; without a status it is an error that says so."""
    client = FakeClient()
    client.objects["/api/v1/nodes"]["items"] = [node("a"), node("b", unschedulable=True)]
    client.objects[f"/apis/{API_VERSION}/tasks"]["items"] = [task("x", "SUCCESS")]
    found = json.loads(run(client, monkeypatch, "-o", "json").stdout)
    assert (found["source"], [item["class"] for item in found["nodes"]]) == ("live", ["Unknown", "Closed"])
    assert found["tasks"]["states"] == {"SUCCESS": 1}
    client.refused = ("/api/v1/pods",)
    refused = run(client, monkeypatch)
    assert (refused.exit_code, "does the operator run?" in refused.output) == (1, True)
    client.objects[POLICY]["status"] = topology_document(topology(standings(snapshot(view("c")))))
    shown = run(client, monkeypatch)
    assert shown.exit_code == 0
    assert "\nc     Cold" in shown.output
