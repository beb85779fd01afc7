"""A Task that is edited, deleted and made again while it is in some state."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.e2e.conftest import Json, Kubectl, Tasks, as_yaml, task
from tests.e2e.history import History
from tests.e2e.test_waits import ABSENT

STATES = ("PENDING", "ASSIGNED", "RUNNING", "SUCCESS", "FAILED")
POLITE = 'trap "exit 0" TERM; sleep 300 & wait'
EDITS: dict[str, Any] = {
    "worker": {"image": "busybox:1.34"},
    "placement": {"requires": ["other"]},
    "retry": {"limit": 9},
    "timeouts": {"runSeconds": 7},
    "type": "other",
}


def in_every_state() -> list[Json]:
    """One Task for each state, named after it, that stays there."""
    return [
        task("pending", placement={"requires": ["e2e-nothing"]}),
        task("assigned", worker={"env": ABSENT}),
        task("running", POLITE),
        task("success"),
        task("failed", "exit 1", retry={"limit": 0}),
    ]


def arrived(found: dict[str, Json]) -> bool:
    """True once each is where its name says."""
    return all(found[state.lower()]["status"]["state"] == state for state in STATES)


@pytest.mark.usefixtures("history")
def test_immutable_fields(tasks: Tasks, kubectl: Kubectl) -> None:
    """What decides where and how a Task runs is refused in every state; the priority may change until its end."""
    tasks.apply(*in_every_state())
    before = tasks.wait(arrived)
    for state in STATES:
        for name, value in EDITS.items():
            done = patch(kubectl, tasks.namespace, state.lower(), {name: value})
            assert done, f"spec.{name} was changed in {state}"
            assert "must stay as it was created" in done, done
        refused = patch(kubectl, tasks.namespace, state.lower(), {"priority": 7})
        assert bool(refused) == (state in {"SUCCESS", "FAILED"}), refused
    time.sleep(1)
    after = tasks.all()
    for state in STATES:
        assert after[state.lower()]["status"]["state"] == state
        assert after[state.lower()]["spec"]["worker"] == before[state.lower()]["spec"]["worker"]


def patch(kubectl: Kubectl, namespace: str, name: str, spec: Json) -> str:
    """What the API server says against a change of the spec; empty when it takes it."""
    words = ("patch", "ldt", name, "-n", namespace, "--type=merge", "-p", json.dumps({"spec": spec}))
    done = kubectl(*words, check=False)
    return done.stderr if done.returncode else ""


def test_made_again_at_once(tasks: Tasks, history: History, kubectl: Kubectl) -> None:
    """Deleted in every state and made again under the same name at once: the new one has a Pod of its own.

    It never adopts the Pod of its predecessor, which is removed.
    """
    tasks.apply(*in_every_state())
    old = {name: item["metadata"]["uid"] for name, item in tasks.wait(arrived).items()}
    space = tasks.namespace
    kubectl("delete", "ldt", "--all", "-n", space, "--timeout=20s")
    kubectl("create", "-n", space, "-f", "-", stdin=as_yaml(*(task(name, "exit 0") for name in old)))
    found = tasks.wait_terminal()
    for name, item in found.items():
        status = item["status"]
        assert (status["state"], status["attempt"], status["disruptions"]) == ("SUCCESS", 1, 0), status
        assert item["metadata"]["uid"] != old[name]
        owners = {
            pod.body["metadata"]["ownerReferences"][0]["uid"] for pod in history.pods() if pod.name == status["pod"]
        }
        assert owners == {item["metadata"]["uid"]}
    end = time.monotonic() + 45
    while {pod["metadata"]["labels"]["loadstar.dev/task-uid"] for pod in tasks.pods()} & set(old.values()):
        assert time.monotonic() < end, "a Pod outlived its Task"
        time.sleep(0.5)
