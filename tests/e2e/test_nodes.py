"""A node that no longer answers, or whose object is deleted: what its Tasks do, and that no Pod is ever doubled."""

from __future__ import annotations

import signal
import time

import pytest

from tests.cluster.bed import Bed
from tests.e2e.conftest import ROOM, Json, Kubectl, Tasks, task
from tests.e2e.figures import Figures
from tests.e2e.history import History

pytestmark = pytest.mark.bed

ONCE = '[ "$LOADSTAR_ATTEMPT" -ge 2 ] || { trap "exit 9" TERM; sleep 600 & wait; }'
"""Hangs at the first attempt and succeeds at the second."""
END = "until [ -e /tmp/end ]; do sleep 0.5; done"
GRACE_SECONDS = 50
"""What the controller-manager gives a silent node until it is NotReady (node-monitor-grace-period)."""
TOLERATED_SECONDS = 30
REPLACE_SECONDS = 30
"""The least that a Task may say."""


def silence(bed: Bed, kubelet: str, number: int) -> None:
    """Stop or kill the kubelet; its containers go on."""
    bed.signal(kubelet, number)


def revive(bed: Bed, kubelet: str, number: int) -> None:
    """The kubelet goes on, or a new one begins."""
    if number == signal.SIGSTOP:
        bed.signal(kubelet, signal.SIGCONT)
    elif not bed.component(kubelet).alive():
        bed.start(kubelet)


@pytest.mark.battery
@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_node_is_silent(
    tasks: Tasks,
    history: History,
    rooms: list[str],
    kubectl: Kubectl,
    bed: Bed,
    figures: Figures,
    number: signal.Signals,
) -> None:
    """A silent kubelet: its Tasks stay RUNNING, reason NodeLost, with one live Pod each; later they end properly.

    One whose Pod may be evicted meanwhile runs again once that Pod has ended, a disruption; one that tolerates the
    silence ends its only attempt. Only retry.onNodeLost starts a second attempt elsewhere before the node is back.
    """
    here, there = rooms[:2]
    space, kubelet = tasks.namespace, f"{here}/kubelet"
    room = {"placement": {"nodeSelector": {ROOM: space}}}
    lasting = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    tasks.apply(
        task("waits", ONCE, retry={"limit": 0}, **room),
        task("replaced", ONCE, retry={"limit": 0, "onNodeLost": {"replaceAfterSeconds": REPLACE_SECONDS}}, **room),
        task("tolerant", END, retry={"limit": 0}, placement={**room["placement"], "tolerations": [lasting]}),
    )
    found = tasks.wait(lambda found: all(item["status"]["state"] == "RUNNING" for item in found.values()))
    pods = {name: item["status"]["pod"] for name, item in found.items()}
    kubectl("label", "--overwrite", "node", there, f"{ROOM}={space}")
    silence(bed, kubelet, number)
    begun = time.monotonic()
    try:
        tasks.wait(lambda found: found["replaced"]["status"]["attempt"] == 2, GRACE_SECONDS + REPLACE_SECONDS + 30)
        replaced = time.monotonic() - begun
        lost = tasks.wait(
            lambda found: all(found[name]["status"]["reason"] == "NodeLost" for name in ("waits", "tolerant")), 30
        )
        ended = tasks.wait(lambda found: found["replaced"]["status"]["state"] == "SUCCESS")["replaced"]["status"]
        # Past the toleration: the Pod of `waits` is told to end, and nobody is there to end it.
        tasks.wait(lambda _: "deletionTimestamp" in metadata(tasks, pods["waits"]), TOLERATED_SECONDS + 30)
        time.sleep(10)
        still = tasks.all()
    finally:
        revive(bed, kubelet, number)
        kubectl("wait", "--for=condition=Ready", f"node/{here}", "--timeout=60s")
    for item in (*(lost[name] for name in ("waits", "tolerant")), *(still[name] for name in ("waits", "tolerant"))):
        status = item["status"]
        assert (status["state"], status["reason"], status["attempt"]) == ("RUNNING", "NodeLost", 1), status
    assert (ended["assignedTo"], ended.get("disruptions", 0), ended.get("failures", 0)) == (there, 1, 0)
    assert ended["attempts"][0]["reason"] == "NodeLost"
    tasks.touch(pods["tolerant"], "/tmp/end")
    finished = {name: item["status"] for name, item in tasks.wait_terminal(90).items()}
    figures.keep(f"node_silent_{number.name}", replaced_after_seconds=round(replaced, 1))
    seen = {
        name: (item["state"], item["attempt"], item.get("failures", 0), item.get("disruptions", 0))
        for name, item in finished.items()
    }
    assert seen == {
        "waits": ("SUCCESS", 2, 0, 1),
        "replaced": ("SUCCESS", 2, 0, 1),
        "tolerant": ("SUCCESS", 1, 0, 0),
    }
    assert len(history.pods()) == 5


def metadata(tasks: Tasks, name: str) -> Json:
    """A Pod's metadata; empty when it is gone."""
    return next((dict(pod["metadata"]) for pod in tasks.pods() if pod["metadata"]["name"] == name), {})


def test_node_object_is_deleted(tasks: Tasks, history: History, rooms: list[str], kubectl: Kubectl, bed: Bed) -> None:
    """With the Node object of a running Pod deleted, its Task runs elsewhere at once: a disruption, no failure."""
    here, there = rooms[:2]
    tasks.apply(task("orphan", ONCE, retry={"limit": 0}, placement={"nodeSelector": {ROOM: tasks.namespace}}))
    tasks.wait_reason("orphan", "PartsRunning")
    kubectl("label", "--overwrite", "node", there, f"{ROOM}={tasks.namespace}")
    kubectl("delete", "node", here)
    begun = time.monotonic()
    try:
        status = tasks.wait(lambda found: found["orphan"]["status"]["attempt"] == 2, 30)["orphan"]["status"]
        took = time.monotonic() - begun
    finally:
        bed.stop(f"{here}/kubelet")
        bed.start(f"{here}/kubelet")
        kubectl("wait", "--for=create", f"node/{here}", "--timeout=60s")
        kubectl("wait", "--for=condition=Ready", f"node/{here}", "--timeout=60s")
    status = tasks.wait_terminal()["orphan"]["status"]
    assert (status["state"], status.get("failures", 0), status.get("disruptions", 0)) == ("SUCCESS", 0, 1)
    assert (status["assignedTo"], status["attempt"]) == (there, 2)
    assert took < 10, "without waiting for the garbage collector of Pods, who takes 40 s"
    assert len(history.pods()) == 2
