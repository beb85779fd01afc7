"""Preemption on a real node that has room for few: who is stopped, who is not, how often, and what both sides say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.conftest import Json, Kubectl, Tasks, fresh_namespace, task
from tests.e2e.history import History
from tests.e2e.test_cli import loadstar

NODE = "node-1"
SEAT = "e2e.loadstar.dev/seat"
"""A resource that this node alone offers: how many of these Tasks there is room for depends on nothing else."""
URGENT: Json = {
    "apiVersion": "loadstar.dev/v1alpha1",
    "kind": "TaskQueue",
    "metadata": {"name": "urgent"},
    "spec": {"preemption": "LowerPriority"},
}


@contextmanager
def seats(kubectl: Kubectl, count: int) -> Iterator[None]:
    """Let the node offer so many."""

    def offer(value: str | None) -> None:
        patch = json.dumps({"status": {"capacity": {SEAT: value}}})
        kubectl("patch", "node", NODE, "--subresource=status", "--type=merge", "-p", patch)

    offer(str(count))
    try:
        yield
    finally:
        offer(None)


def seated(name: str, priority: int, seconds: float = 600, **spec: Any) -> Json:
    """A Task that takes a seat and goes quickly when it is asked to."""
    worker = {
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {SEAT: 1}},
        "terminationGracePeriodSeconds": 1,
    }
    return task(name, f"sleep {seconds}", worker=worker, priority=priority, **spec)


def running(found: dict[str, Json], *names: str) -> bool:
    return all(found[name]["status"]["state"] == "RUNNING" for name in names)


def test_the_urgent_gets_room(tasks: Tasks, kubectl: Kubectl, namespace: str, history: History) -> None:
    """The preemptible one of lower priority is stopped, free of charge; the others go on; afterwards it runs again.

    Who waits and has nobody to be stopped is told so; nobody is stopped for a queue that does not ask for it.
    """
    with seats(kubectl, 2):
        tasks.apply(URGENT, seated("low", 100, preemptible=True), seated("firm", 100))
        tasks.wait(lambda found: running(found, "low", "firm"), 90)
        tasks.apply(seated("patient", 950))
        tasks.wait_reason("patient", "WaitingForCapacity")
        assert running(tasks.all(), "low", "firm")
        tasks.apply(seated("high", 900, queue="urgent"))
        found = tasks.wait(lambda found: running(found, "high", "firm"), 90)
        low = found["low"]["status"]
        assert (low["state"], low["preemptions"], low["attempt"]) == ("PENDING", 1, 1)
        assert not {"failures", "disruptions", "notBefore"} & low.keys()
        assert low["attempts"][0]["reason"] == "Preempted"
        said = f"stopped to make room for {namespace}/high of priority 900"
        assert low["attempts"][0]["message"] == said
        assert said in loadstar("why", "low", "-n", namespace)
        events = kubectl("get", "events", "-n", namespace, "-o", "jsonpath={.items[*].reason}").stdout.split()
        assert events.count("Preempted") == 1
        tasks.apply(seated("second", 900, queue="urgent"))
        tasks.wait_reason("second", "WaitingForCapacity")
        why = loadstar("why", "second", "-n", namespace)
        assert f"room     cannot be made: no node has enough of it with Tasks of namespace {namespace}" in why
        kubectl("delete", "ldt", "high", "second", "patient", "-n", namespace)
        found = tasks.wait(lambda found: running(found, "low"), 90)
        assert found["low"]["status"]["attempt"] == 2
        assert found["firm"]["status"]["attempt"] == 1
    assert [seen.body["status"].get("stopping") for seen in history.of("low")].count("Preempted") >= 1


def succeeded(name: str, found: dict[str, Json]) -> bool:
    """The Task is over and well."""
    return bool(found[name]["status"]["state"] == "SUCCESS")


@pytest.mark.usefixtures("history")
def test_three_times_is_enough(tasks: Tasks, kubectl: Kubectl) -> None:
    """After the third time a Task is left alone, whoever waits."""
    with seats(kubectl, 1):
        tasks.apply(URGENT, seated("low", 100, preemptible=True))
        for number in range(1, 4):
            tasks.wait(lambda found: running(found, "low"), 90)
            tasks.apply(seated(f"high-{number}", 900, 0.1, queue="urgent"))
            tasks.wait_reason(f"high-{number}", "Completed", 90)
        tasks.wait(lambda found: running(found, "low"), 90)
        tasks.apply(seated("high-4", 900, 0.1, queue="urgent"))
        tasks.wait_reason("high-4", "WaitingForCapacity")
        found = tasks.all()["low"]["status"]
        assert (found["state"], found["preemptions"], found["attempt"]) == ("RUNNING", 3, 4)


def test_other_namespaces_only_if_the_admin_says_so(kubectl: Kubectl) -> None:
    """The same two Tasks in two namespaces: nobody is stopped until the PlacementPolicy says Cluster."""
    with seats(kubectl, 1), fresh_namespace(kubectl) as first, fresh_namespace(kubectl) as second:
        low, high = Tasks(kubectl, first), Tasks(kubectl, second)
        low.apply(seated("low", 100, preemptible=True))
        low.wait(lambda found: running(found, "low"), 90)
        high.apply(URGENT, seated("high", 900, 0.1, queue="urgent"))
        high.wait_reason("high", "WaitingForCapacity")
        assert running(low.all(), "low")
        scope(kubectl, "Cluster")
        try:
            high.wait(lambda found: found["high"]["status"]["state"] == "SUCCESS", 90)
        finally:
            scope(kubectl, "Namespace")
        assert low.get("low")["status"]["preemptions"] == 1


def scope(kubectl: Kubectl, value: str) -> None:
    kubectl("patch", "ldp", "default", "--type=merge", "-p", json.dumps({"spec": {"preemption": value}}))
