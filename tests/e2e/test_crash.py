"""The operator killed at any time: nothing is lost, nothing runs twice."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from tests.e2e.conftest import Tasks, task
from tests.e2e.replicas import Replicas

pytestmark = pytest.mark.bed


@pytest.mark.usefixtures("history")
def test_killed_in_every_state(tasks: Tasks, replicas: Replicas) -> None:
    """All replicas killed while Tasks are PENDING, ASSIGNED and RUNNING: each Task succeeds with one Pod an attempt."""
    tasks.apply(*(task(f"run-{n}", "sleep 8") for n in range(4)))
    tasks.wait(lambda found: all(t["status"]["state"] == "RUNNING" for t in found.values()))
    tasks.apply(
        *(task(f"wait-{n}", placement={"nodeSelector": {"e2e-room": "later"}}) for n in range(4)),
        *(task(f"new-{n}", "sleep 1") for n in range(12)),
    )
    pids = replicas.processes()
    assert len(pids) == 2
    seen = Counter(t["status"]["state"] for t in tasks.all().values())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert seen["PENDING"] >= 4
    assert seen["RUNNING"] >= 1
    tasks.kubectl("label", "--overwrite", "node", "node-2", "e2e-room=later")
    try:
        found = tasks.wait_terminal(150)
    finally:
        tasks.kubectl("label", "node", "node-2", "e2e-room-")
    assert {t["status"]["state"] for t in found.values()} == {"SUCCESS"}
    assert {t["status"]["attempt"] for t in found.values()} == {1}
    pods = Counter(pod["metadata"]["labels"]["loadstar.dev/task"] for pod in tasks.pods())
    assert set(pods.values()) == {1}
    assert len(pods) == len(found)
