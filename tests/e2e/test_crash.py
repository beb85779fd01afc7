"""The operator killed at any time: nothing is lost, nothing runs twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.bed import Bed
from tests.e2e.conftest import Tasks, task

pytestmark = pytest.mark.bed


def operator_pids(bed: Bed) -> list[int]:
    """The operator's processes in all replicas, as the machine sees them."""
    found = []
    for node in bed.nodes():
        for pid in node.pids():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:4] == [b"python3", b"-m", b"loadstar", b"run"]:
                found.append(pid)
    return found


def test_killed_in_every_state(tasks: Tasks, bed: Bed) -> None:
    """All replicas killed while Tasks are PENDING, ASSIGNED and RUNNING: each Task succeeds with one Pod an attempt."""
    tasks.apply(*(task(f"run-{n}", "sleep 8") for n in range(4)))
    tasks.wait(lambda found: all(t["status"]["state"] == "RUNNING" for t in found.values()))
    tasks.apply(
        *(task(f"wait-{n}", placement={"nodeSelector": {"e2e-room": "later"}}) for n in range(4)),
        *(task(f"new-{n}", "sleep 1") for n in range(12)),
    )
    pids = operator_pids(bed)
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


def test_leader_killed_other_takes_over(tasks: Tasks, bed: Bed, kubectl_lease: str) -> None:
    """With the leader killed, the other replica assigns a new Task within 20 s."""
    leader = kubectl_lease.split("_", maxsplit=1)[0]
    node = tasks.kubectl("get", "pod", leader, "-n", "loadstar-system", "-o", "jsonpath={.spec.nodeName}").stdout
    index = int(node.rsplit("-", 1)[1])
    own = set(bed.nodes()[index].pids())
    victims = [pid for pid in operator_pids(bed) if pid in own]
    assert victims
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    tasks.apply(task("after"))
    tasks.wait_terminal(60)
    assert time.monotonic() - started < 25, "12 s of lease, a start and a run"


@pytest.fixture
def kubectl_lease(tasks: Tasks) -> str:
    """Who leads now, once somebody does."""
    end = time.monotonic() + 40
    while True:
        path = "jsonpath={.spec.holderIdentity}"
        holder = tasks.kubectl("get", "lease", "loadstar-operator", "-n", "loadstar-system", "-o", path).stdout
        if holder:
            return holder
        assert time.monotonic() < end
        time.sleep(0.5)
