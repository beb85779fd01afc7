"""A Task that is edited, deleted and made again while it is in some state: scenarios of test_scenarios."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.conftest import Json, Tasks, as_yaml, task
from tests.e2e.control import patch
from tests.e2e.history import History

ABSENT = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "absent", "key": "x"}}}]
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


def immutable_fields(tasks: Tasks, _: History) -> None:
    """What decides where and how a Task runs is refused in every state; the priority may change until its end."""
    tasks.apply(*in_every_state())
    before = tasks.wait(arrived)
    for state in STATES:
        for name, value in EDITS.items():
            done = patch(tasks, state.lower(), {name: value}, check=False)
            assert done, f"spec.{name} was changed in {state}"
            assert "must stay as it was created" in done, done
        refused = patch(tasks, state.lower(), {"priority": 7}, check=False)
        assert bool(refused) == (state in {"SUCCESS", "FAILED"}), refused
    time.sleep(1)
    after = tasks.all()
    for state in STATES:
        assert after[state.lower()]["status"]["state"] == state
        assert after[state.lower()]["spec"]["worker"] == before[state.lower()]["spec"]["worker"]


def made_again_at_once(tasks: Tasks, history: History) -> None:
    """Deleted in every state and made again under the same name at once: the new one has a Pod of its own.

    It never adopts the Pod of its predecessor, which is removed.
    """
    tasks.apply(*in_every_state())
    old = {name: item["metadata"]["uid"] for name, item in tasks.wait(arrived).items()}
    space = tasks.namespace
    tasks.kubectl("delete", "ldt", "--all", "-n", space, "--timeout=20s")
    tasks.kubectl("create", "-n", space, "-f", "-", stdin=as_yaml(*(task(name, "exit 0") for name in old)))
    found = tasks.wait_terminal()
    for name, item in found.items():
        status = item["status"]
        assert (status["state"], status["attempt"], status.get("disruptions", 0)) == ("SUCCESS", 1, 0), status
        assert item["metadata"]["uid"] != old[name]
        owners = {
            pod.body["metadata"]["ownerReferences"][0]["uid"] for pod in history.pods() if pod.name == status["pod"]
        }
        assert owners == {item["metadata"]["uid"]}
    end = time.monotonic() + 45
    while {pod["metadata"]["labels"]["loadstar.dev/task-uid"] for pod in tasks.pods()} & set(old.values()):
        assert time.monotonic() < end, "a Pod outlived its Task"
        time.sleep(0.5)
