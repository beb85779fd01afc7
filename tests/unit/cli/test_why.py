"""`loadstar why`: the record, what would be decided now, and one node beside another."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import pytest
from click.testing import CliRunner, Result

from loadstar.api import API_VERSION
from loadstar.cli import main
from loadstar.cli.why import SINGLY
from tests.unit.cli.cluster import FakeClient, Json, node, pod, task

TASKS = f"/apis/{API_VERSION}/namespaces/ns/tasks"
CHOICE = {
    "node": "a",
    "score": 0.31,
    "terms": "0.625·cpu 0.300 + 0.375·memory 0.330, io not measured; ranked at 0.480",
    "class": "Cold",
    "sampleAgeSeconds": 7,
    "next": "b 0.400, c 0.500",
    "rejected": "2 cordoned",
}


def run(
    monkeypatch: pytest.MonkeyPatch,
    one: Json,
    *arguments: str,
    refused: tuple[str, ...] = (),
    beside: tuple[Json, ...] = (),
    singly: bool = True,
) -> Result:
    """Node a has 500m free, b is empty, c is cordoned."""

    @asynccontextmanager
    async def connected() -> AsyncIterator[FakeClient]:
        client = FakeClient(refused)
        client.objects[f"{TASKS}/t"] = one
        client.objects[TASKS] = {"items": [one, *beside]}
        client.objects |= {f"{TASKS}/{other['metadata']['name']}": other for other in beside if singly}
        client.objects[f"/apis/{API_VERSION}/tasks"]["items"] = [one]
        client.objects["/api/v1/nodes"]["items"] = [node("a"), node("b"), node("c", unschedulable=True)]
        client.objects["/api/v1/pods"]["items"] = [pod("other", "a", "3500m")]
        yield client

    monkeypatch.setattr(import_module("loadstar.cli.why"), "connected", connected)
    return CliRunner().invoke(main, ["why", "t", "-n", "ns", *arguments])


def test_the_record_tells_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Node, score by term, sample age, the next best, and the nodes that were out."""
    said = run(monkeypatch, task("t", "RUNNING", assignedTo="a", placement=CHOICE)).output
    assert "node     a had the lowest score (Cold)" in said
    assert f"score    0.31 = {CHOICE['terms']}; sample 7 s old" in said
    assert "next     b 0.400, c 0.500" in said
    assert "out      2 cordoned" in said
    assert "now " not in said


def test_why_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiting Task: where it would go, and why the node that is asked about is out, with the detail."""
    said = run(monkeypatch, task("t"), "--node", "a").output
    assert "now      it would be placed: no fresh load sample: b has" in said
    assert "verdict  a cannot take it: it is without room for the request now (cpu 500m free)" in said
    assert "b, which it would get now, as it is now" in said
    assert "  class    Unknown: no CPU sample, no memory sample" in said


def test_a_running_task_is_compared_with_the_node_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it adds nothing more: it is in what is measured and requested."""
    said = run(monkeypatch, task("t", "RUNNING", assignedTo="a", attempt=1), "--node", "b").output
    assert "verdict  b is better by load: its rank is" in said
    assert "a, which it has, as it is now" in said
    assert "this Task 0.000" in said.partition("a, which it has")[2]


def test_a_task_that_waits_for_others_is_told_what_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its dependencies as they are now; with a node that is asked about, how that would be after them."""
    one = task("t")
    one["spec"]["dependencies"] = ["u", "gone"]
    one["metadata"]["creationTimestamp"] = "2100-01-01T00:00:00Z"
    said = run(monkeypatch, one, beside=(task("u", "RUNNING", reason="PartsRunning"),)).output
    assert "now      0 of 2 done; waits for gone (not there yet), u (RUNNING)" in said
    found = json.loads(run(monkeypatch, one, "-o", "json").stdout)
    assert found["now"]["reason"] == "WaitingForDependencies"
    beside = run(monkeypatch, one, "--node", "b").output
    assert "now      0 of 2 done; waits for u (not there yet), gone (not there yet); after that it would be" in beside
    done = task("u", "SUCCESS", reason="Completed"), task("gone", "SUCCESS", reason="Completed")
    assert "now      it would be placed" in run(monkeypatch, one, beside=done).output


def test_many_dependencies_are_read_in_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Task of a thousand dependencies costs no thousand requests."""
    one = task("t")
    one["spec"]["dependencies"] = [f"d{number}" for number in range(SINGLY + 1)]
    others = tuple(task(name, "SUCCESS", reason="Completed") for name in one["spec"]["dependencies"])
    assert "now      it would be placed" in run(monkeypatch, one, beside=others, singly=False).output


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as one object."""
    found = json.loads(run(monkeypatch, task("t"), "--node", "c", "-o", "json").stdout)
    assert (found["task"], found["status"]["state"], found["now"]["node"]) == ("ns/t", "PENDING", "b")
    assert found["now"]["rejected"] == "1 cordoned, 1 without room for the request now"
    asked, beside = found["node"]["asked"], found["node"]["beside"]
    assert (asked["name"], asked["fits"], asked["rejection"]["cause"]) == ("c", False, "cordoned")
    assert (beside["name"], beside["fits"], beside["cpu"]["own"]) == ("b", True, 0.25)


def test_a_node_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer names those that are."""
    result = run(monkeypatch, task("t"), "--node", "z")
    assert (result.exit_code, "there is no node z; nodes: a, b, c" in result.output) == (1, True)


def test_without_the_right_to_list_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is what there is, and that is said."""
    result = run(monkeypatch, task("t"), "--node", "a", refused=("/api/v1/nodes",))
    assert result.exit_code == 0
    assert "you may not list nodes and Pods of the whole cluster" in result.output
