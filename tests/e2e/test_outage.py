"""The API server or etcd away for a while: what runs goes on, and so does the operator once they are back."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.bed import Bed
from tests.e2e.conftest import Kubectl, Tasks, as_yaml, task
from tests.e2e.figures import Figures
from tests.e2e.history import History
from tests.e2e.replicas import Replicas

pytestmark = pytest.mark.bed

RECOVERY_SECONDS = 10.0
LONG_SECONDS = 150
battery = [pytest.mark.battery, pytest.mark.timeout(400)]


def running(tasks: Tasks) -> dict[str, Any]:
    """The live Pods: uid, node and restarts."""
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            pod["spec"]["nodeName"],
            [item["restartCount"] for item in pod["status"]["containerStatuses"]],
        )
        for pod in tasks.pods()
        if pod["metadata"]["labels"]["loadstar.dev/task"].startswith("long")
    }


def freeze(bed: Bed, seconds: float) -> None:
    """Stop the API server by SIGSTOP, with every connection open, and let it go on."""
    bed.signal("kube-apiserver", signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        bed.signal("kube-apiserver", signal.SIGCONT)


def end_server(bed: Bed, seconds: float) -> None:
    """End the API server and start it again: every connection breaks."""
    bed.stop("kube-apiserver")
    try:
        time.sleep(seconds)
    finally:
        bed.start("kube-apiserver")
    bed.plane().wait_ready()


def end_etcd(bed: Bed, seconds: float) -> None:
    """End etcd and start it again: the API server answers, and refuses everything."""
    bed.stop("etcd")
    try:
        time.sleep(seconds)
    finally:
        bed.start("etcd")
    bed.plane().wait_ready()


@pytest.mark.parametrize(
    ("name", "outage", "seconds"),
    [
        ("apiserver_stopped", freeze, 9),
        pytest.param("apiserver_stopped", freeze, 30, marks=battery),
        pytest.param("apiserver_ended", end_server, 30, marks=battery),
        pytest.param("etcd_ended", end_etcd, 60, marks=battery),
    ],
)
def test_outage(
    tasks: Tasks,
    history: History,
    replicas: Replicas,
    kubectl: Kubectl,
    bed: Bed,
    figures: Figures,
    name: str,
    outage: Callable[[Bed, float], None],
    seconds: float,
) -> None:
    """Running Pods are untouched, some end meanwhile and count; a new Task is assigned within 10 s of the return.

    The operator's containers do not begin anew, and no Task fails.
    """
    begun = replicas.restarts()
    tasks.apply(
        *(task(f"long-{n}", f"sleep {LONG_SECONDS}") for n in range(2)),
        *(task(f"ends-{n}", f"sleep {3 + seconds / 2:g}") for n in range(2)),
    )
    tasks.wait(lambda found: all(item["status"]["state"] == "RUNNING" for item in found.values()))
    before = running(tasks)
    assert len(before) == 2
    outage(bed, seconds)
    back = time.monotonic()
    create(kubectl, tasks.namespace, "next")
    took = assigned(history, "next") - back
    found = tasks.wait(
        lambda found: all(found[name]["status"]["state"] == "SUCCESS" for name in ("next", "ends-0", "ends-1"))
    )
    figures.keep(f"outage_{name}_{seconds}_s", next_assignment_seconds=round(took, 2))
    assert took <= RECOVERY_SECONDS
    assert running(tasks) == before
    assert {item["status"]["state"] for item in found.values()} == {"SUCCESS", "RUNNING"}
    assert {item["status"].get("failures", 0) for item in found.values()} == {0}
    # The new one may have been given a second Pod: kube-scheduler takes its time to find back.
    assert {item["status"]["attempt"] for name, item in found.items() if name != "next"} == {1}
    assert replicas.restarts() == begun


def create(kubectl: Kubectl, namespace: str, name: str) -> None:
    """Create a Task as soon as the API server takes it."""
    end = time.monotonic() + 30
    while True:
        try:
            done = kubectl(
                "create", "-n", namespace, "--request-timeout=3s", "-f", "-", stdin=as_yaml(task(name)), check=False
            )
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0 or "AlreadyExists" in done.stderr:
            return
        assert time.monotonic() < end, done.stderr
        time.sleep(0.1)


def assigned(history: History, name: str) -> float:
    """When the Task was first seen with a node."""
    end = time.monotonic() + 60
    while True:
        for seen in history.of(name):
            if seen.state != "PENDING":
                return seen.at
        assert time.monotonic() < end, json.dumps([seen.body.get("status") for seen in history.of(name)])
        time.sleep(0.1)
