"""What a user may do to a Task that is under way, and what he may ask of it beforehand: scenarios of test_scenarios.

Each is a namespace's story from beginning to end, and its docstring the rule that it proves.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import partial
from typing import Any

from tests.e2e.conftest import Json, Tasks, task
from tests.e2e.history import History

POLITE = 'trap "exit {}" TERM; sleep 300 & wait'
RESUMED = '[ "$LOADSTAR_ATTEMPT" -ge 2 ] && exit 0; ' + POLITE.format(0)
GRACE = {"terminationGracePeriodSeconds": 10}
PENDING_SECONDS = 10
NOWHERE = {"requires": ["e2e-nothing"]}


def patch(tasks: Tasks, name: str, spec: Json, *, check: bool = True) -> str:
    """Change a Task's spec; returns what the API server says against it."""
    words = ("patch", "ldt", name, "-n", tasks.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))
    done = tasks.kubectl(*words, check=check)
    return done.stderr if done.returncode else ""


def condition(item: Json, kind: str) -> str:
    """The status of a condition."""
    return str(next((c["status"] for c in item["status"].get("conditions", ()) if c["type"] == kind), "absent"))


def cancel(tasks: Tasks, history: History) -> None:
    """`cancel` ends a Task in any state as FAILED, reason Cancelled, once its Pod has ended; a record stays.

    That the Pod ends with exit code 0 after SIGTERM does not make it a success; one that had succeeded before stays so.
    """
    tasks.apply(
        task("waiting", placement=NOWHERE),
        task("trap", POLITE.format(7), worker=GRACE),
        task("polite", POLITE.format(0), worker=GRACE),
        task("deaf", "sleep 300", worker={"terminationGracePeriodSeconds": 1}),
        task("image", worker={"image": "registry.invalid/nothing:1"}),
        task("done"),
    )
    running = ("trap", "polite", "deaf")
    tasks.wait(
        lambda found: (
            all(found[name]["status"]["state"] == "RUNNING" for name in running)
            and found["done"]["status"]["state"] == "SUCCESS"
            and found["image"]["status"]["state"] == "ASSIGNED"
        )
    )
    names = ("waiting", *running, "image", "done")
    for name in names:
        patch(tasks, name, {"cancel": True})
    found = {name: item["status"] for name, item in tasks.wait_terminal(40).items()}
    assert found.pop("done")["state"] == "SUCCESS"
    for name, status in found.items():
        seen = (status["state"], status["reason"], status.get("failures", 0), status.get("disruptions", 0))
        assert seen == ("FAILED", "Cancelled", 0, 0), (name, status)
        assert status["completionTime"]
    assert found["trap"]["attempts"][-1]["exitCode"] == 7, "the worker had its time to end"
    assert found["waiting"]["attempt"] == 0
    assert not [seen for seen in history.pods() if seen.body["metadata"]["labels"]["loadstar.dev/task"] == "waiting"]
    refused = patch(tasks, "trap", {"cancel": False}, check=False)
    assert refused, "cancel may not be taken back"
    for item in tasks.all().values():
        assert condition(item, "Succeeded") == ("True" if item["status"]["state"] == "SUCCESS" else "False")


def suspend_and_resume(tasks: Tasks, _: History) -> None:
    """`suspend` holds a waiting Task and ends a running one's Pod, free of charge; `false` goes on."""
    tasks.apply(
        task("held", suspend=True), task("runs", RESUMED, worker=GRACE, retry={"limit": 0, "disruptionLimit": 0})
    )
    held = tasks.wait_reason("held", "Suspended")
    tasks.wait_reason("runs", "PartsRunning")
    patch(tasks, "runs", {"suspend": True})
    item = tasks.wait_reason("runs", "Suspended")
    tasks.wait(lambda _: not [pod for pod in tasks.pods() if pod["status"]["phase"] == "Running"])
    item = tasks.wait(lambda found: found["runs"]["status"]["state"] == "PENDING")["runs"]
    status = item["status"]
    assert (status.get("failures", 0), status.get("disruptions", 0), status["attempts"][-1]["reason"]) == (
        0,
        0,
        "Suspended",
    )
    assert condition(item, "Suspended") == condition(held, "Suspended") == "True"
    assert (held["status"]["state"], held["status"]["attempt"]) == ("PENDING", 0)
    time.sleep(2)
    assert {item["status"]["state"] for item in tasks.all().values()} == {"PENDING"}
    for name in ("held", "runs"):
        patch(tasks, name, {"suspend": False})
    ended = tasks.wait_terminal()
    assert {name: (t["status"]["state"], t["status"]["attempt"]) for name, t in ended.items()} == {
        "held": ("SUCCESS", 1),
        "runs": ("SUCCESS", 2),
    }
    assert {condition(item, "Suspended") for item in ended.values()} <= {"False", "absent"}


def runs(attempt: int, found: dict[str, Json]) -> bool:
    """True while the fragile Task is at this attempt."""
    status = found["fragile"]["status"]
    return (status["state"], status["attempt"]) == ("RUNNING", attempt)


def disruption_limit(tasks: Tasks, history: History) -> None:
    """More disruptions than `disruptionLimit` end the Task; failures are counted apart and stay 0."""
    tasks.apply(
        task(
            "fragile",
            "sleep 300",
            retry={"limit": 0, "disruptionLimit": 1},
            worker={"terminationGracePeriodSeconds": 1},
        )
    )
    for attempt in (1, 2):
        found = tasks.wait(partial(runs, attempt))
        tasks.kubectl("delete", "pod", found["fragile"]["status"]["pod"], "-n", tasks.namespace, "--wait=false")
    status = tasks.wait_terminal()["fragile"]["status"]
    seen = (status["state"], status["reason"], status.get("failures", 0), status.get("disruptions", 0))
    assert seen == ("FAILED", "DisruptionLimitExceeded", 0, 2), status
    assert len(history.pods()) == 2


def pod_retention(tasks: Tasks, _: History) -> None:
    """`podRetention` says which ended Pods stay: all, those that failed, or none."""
    once = {"limit": 1, "backoff": {"initialSeconds": 1, "factor": 1}}
    script = '[ "$LOADSTAR_ATTEMPT" -ge 2 ]'
    tasks.apply(
        task("all", script, retry=once),
        task("failed", script, retry=once, podRetention="Failed"),
        task("none", script, retry=once, podRetention="None"),
    )
    tasks.wait_terminal(90)
    wanted = {"all": 2, "failed": 1}
    end = time.monotonic() + 20
    while (left := kept(tasks)) != wanted:
        assert time.monotonic() < end, left
        time.sleep(0.5)
    phases = {
        pod["status"]["phase"] for pod in tasks.pods() if pod["metadata"]["labels"]["loadstar.dev/task"] == "failed"
    }
    assert phases == {"Failed"}
    time.sleep(2)
    assert kept(tasks) == wanted


def kept(tasks: Tasks) -> dict[str, int]:
    """How many Pods of each Task there are."""
    return Counter(pod["metadata"]["labels"]["loadstar.dev/task"] for pod in tasks.pods())


def pending_deadline(tasks: Tasks, _: History) -> None:
    """`timeouts.pendingSeconds` ends a wait for a node, room, an image or a ConfigMap, but nothing that runs.

    The Pod, where there is one, is gone before the Task is FAILED. It spends no attempt.
    """
    limits: dict[str, Any] = {"timeouts": {"pendingSeconds": PENDING_SECONDS}}
    absent = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "absent", "key": "x"}}}]
    tasks.apply(
        task("nowhere", placement=NOWHERE, **limits),
        task("huge", worker={"resources": {"requests": {"cpu": "64"}}}, **limits),
        task("image", worker={"image": "registry.invalid/nothing:1"}, **limits),
        task("config", worker={"env": absent}, **limits),
        task("runs", f"sleep {PENDING_SECONDS + 6}", **limits),
    )
    found = {name: item["status"] for name, item in tasks.wait_terminal(90).items()}
    assert found.pop("runs")["state"] == "SUCCESS"
    for name, status in found.items():
        seen = (status["state"], status["reason"], status.get("failures", 0), status.get("disruptions", 0))
        assert seen == ("FAILED", "PendingDeadlineExceeded", 0, 0), (name, status)
