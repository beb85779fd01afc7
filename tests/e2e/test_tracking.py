"""`retry.trackCompletion`: a success whose Pod is deleted before anybody read it is not repeated."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import SYSTEM, Kubectl, Tasks, task
from tests.e2e.history import History
from tests.e2e.replicas import Replicas

pytestmark = [pytest.mark.bed, pytest.mark.battery]
FINALIZER = "loadstar.dev/track-completion"
TRACKED = {"trackCompletion": True}


@pytest.fixture
def absence(replicas: Replicas, kubectl: Kubectl) -> Iterator[None]:
    """The test may scale the operator to none."""
    yield
    scale(kubectl, 2)
    replicas.wait_ready()


def scale(kubectl: Kubectl, count: int) -> None:
    """So many replicas of the operator."""
    kubectl("scale", "deployment/loadstar-operator", "-n", SYSTEM, f"--replicas={count}")


@pytest.mark.usefixtures("absence")
def test_tracked_completion(tasks: Tasks, history: History, kubectl: Kubectl) -> None:
    """With the operator away, tracked Pods that end and are deleted stay until it has read them; then they go.

    An untracked one is gone, and its Task runs again. A Task that is deleted leaves no Pod behind.
    """
    space = tasks.namespace
    script = "until [ -e /tmp/end ]; do sleep 0.2; done"
    tasks.apply(
        task("tracked", script, retry=TRACKED),
        task("plain", f'[ "$LOADSTAR_ATTEMPT" -ge 2 ] || {{ {script}; }}'),
        task("dropped", script, retry=TRACKED),
        task("kept", "true", retry=TRACKED),
    )
    names = ("tracked", "plain", "dropped")
    tasks.wait(
        lambda found: (
            all(found[name]["status"]["state"] == "RUNNING" for name in names)
            and found["kept"]["status"]["state"] == "SUCCESS"
        )
    )
    pods = {pod["metadata"]["labels"]["loadstar.dev/task"]: pod["metadata"] for pod in tasks.pods()}
    assert pods["tracked"]["finalizers"] == pods["dropped"]["finalizers"] == [FINALIZER]
    assert "finalizers" not in pods["plain"]
    wait_untracked(tasks, "kept")
    scale(kubectl, 0)
    kubectl("wait", "--for=delete", "pod", "--all", "-n", SYSTEM, "--timeout=60s")
    for name in names:
        tasks.touch(pods[name]["name"], "/tmp/end")
    for name in names:
        kubectl(
            "wait",
            "--for=jsonpath={.status.phase}=Succeeded",
            f"pod/{pods[name]['name']}",
            "-n",
            space,
            "--timeout=30s",
        )
    kubectl("delete", "pod", *(pods[name]["name"] for name in names), "-n", space, "--wait=false")
    kubectl("delete", "ldt", "dropped", "-n", space, "--timeout=20s")
    assert "tracked" in {pod["metadata"]["labels"]["loadstar.dev/task"] for pod in tasks.pods()}
    scale(kubectl, 2)
    found = {name: item["status"] for name, item in tasks.wait_terminal(90).items()}
    assert {name: (item["state"], item["attempt"]) for name, item in found.items()} == {
        "tracked": ("SUCCESS", 1),
        "plain": ("SUCCESS", 2),
        "kept": ("SUCCESS", 1),
    }
    wait_untracked(tasks, "dropped", "tracked")
    assert len([seen for seen in history.pods() if seen.name.startswith("tracked")]) == 1
    left = {pod["metadata"]["labels"]["loadstar.dev/task"] for pod in tasks.pods()}
    assert left == {"kept", "plain"}, "what was deleted is gone"


def wait_untracked(tasks: Tasks, *names: str) -> None:
    """Return once no Pod of these Tasks carries the finalizer."""
    end = time.monotonic() + 30
    while True:
        held = [
            pod["metadata"]["name"]
            for pod in tasks.pods()
            if pod["metadata"]["labels"]["loadstar.dev/task"] in names and pod["metadata"].get("finalizers")
        ]
        if not held:
            return
        assert time.monotonic() < end, held
        time.sleep(0.3)
