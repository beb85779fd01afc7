"""Retries on real nodes: every rule, memory that grows after a real kill, other nodes, and the end of a Task's life."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.conftest import Json, Kubectl, Tasks, task
from tests.e2e.test_cli import loadstar

SOON = {"backoff": {"initialSeconds": 1, "factor": 1, "maxSeconds": 1}}
EAT = 60
"""MiB: more than 24 and 48, less than 96."""
HOST = "kubernetes.io/hostname"


def ruled(name: str, script: str, *rules: Json, worker: Json | None = None, **retry: Any) -> Json:
    """A Task with these rules that is tried again soon."""
    return task(name, script, worker=worker or {}, retry={**SOON, "rules": list(rules), **retry})


def on_codes(action: str, *codes: int) -> Json:
    return {"exitCodes": list(codes), "action": action}


def on_reasons(action: str, *reasons: str, **more: Any) -> Json:
    return {"reasons": list(reasons), "action": action, **more}


def until(attempt: int, code: int) -> str:
    """A script that ends with this code until that attempt."""
    return f"[ $LOADSTAR_ATTEMPT -ge {attempt} ] || exit {code}"


@pytest.mark.usefixtures("history")
def test_every_rule(tasks: Tasks, kubectl: Kubectl) -> None:
    """Fail, Retry and Ignore, by exit code and by reason; the first that holds; what is ignored is bounded."""
    late = task("late", "[ $LOADSTAR_ATTEMPT -ge 2 ] || sleep 60", timeouts={"runSeconds": 8})
    late["spec"]["retry"] = {**SOON, "limit": 9, "rules": [on_reasons("Retry", "DeadlineExceeded")]}
    tasks.apply(
        ruled("fail", "exit 42", on_codes("Retry", 41), on_codes("Fail", 42, 43), limit=9),
        ruled("retry", until(2, 43), on_codes("Fail", 42), on_codes("Retry", 43), limit=1),
        ruled("first", until(2, 44), on_codes("Ignore", 44), on_codes("Fail", 44), limit=0),
        ruled("ignore", until(4, 75), on_codes("Ignore", 75), limit=0),
        ruled("too-often", "exit 75", on_codes("Ignore", 75), limit=0, disruptionLimit=1),
        ruled("none-holds", "exit 7", on_codes("Ignore", 75), limit=0),
        ruled("evicted", "sleep 600", on_reasons("Fail", "Disrupted", "PodLost")),
        ruled("start", "", on_reasons("Fail", "Misconfigured"), worker={"command": ["/no/such/program"]}, limit=9),
        late,
    )
    running = tasks.wait_reason("evicted", "PartsRunning")["status"]
    kubectl("delete", "pod", running["pod"], "-n", tasks.namespace, "--wait=false", "--grace-period=1")
    found = {name: item["status"] for name, item in tasks.wait_terminal(120).items()}
    assert counts(found["fail"]) == ("FAILED", "WorkerFailed", 1, 1, 0)
    assert found["fail"]["message"] == "retry.rules[1] (exitCodes 42, 43: Fail): exit code 42"
    assert counts(found["retry"]) == ("SUCCESS", "Completed", 2, 1, 0)
    assert counts(found["first"]) == ("SUCCESS", "Completed", 2, 0, 1)
    assert counts(found["ignore"]) == ("SUCCESS", "Completed", 4, 0, 3)
    assert counts(found["too-often"]) == ("FAILED", "DisruptionLimitExceeded", 2, 0, 2)
    assert counts(found["none-holds"]) == ("FAILED", "WorkerFailed", 1, 1, 0)
    assert counts(found["evicted"]) == ("FAILED", "Disrupted", 1, 1, 0)
    assert "retry.rules[0] (reasons Disrupted, PodLost: Fail)" in found["evicted"]["message"]
    assert counts(found["start"])[:3] == ("FAILED", "Misconfigured", 1)
    assert found["late"]["state"] == "SUCCESS"
    assert found["late"]["failures"] == found["late"]["attempt"] - 1 >= 1
    assert {item["reason"] for item in found["late"]["attempts"]} == {"DeadlineExceeded"}


def counts(status: Json) -> tuple[str, str, int, int, int]:
    """State, reason, attempts, failures, disruptions."""
    return (
        status["state"],
        status["reason"],
        status["attempt"],
        status.get("failures", 0),
        status.get("disruptions", 0),
    )


@pytest.mark.usefixtures("history")
def test_memory_grows_until_it_is_enough(tasks: Tasks) -> None:
    """Killed twice by the kernel at 24 and 48 MiB, it comes through with 96: requests and limits of its Pods say so.

    Another that needs more than its attempts give it fails, and says what it was killed for.
    """
    small: Json = {"resources": {"requests": {"cpu": "10m", "memory": "12Mi"}, "limits": {"memory": "24Mi"}}}
    eat = f"mkfifo /tmp/f; head -c {EAT}m /dev/zero > /tmp/f & exec tail -c {EAT - 5}m /tmp/f > /dev/null"
    double = on_reasons("Retry", "OOMKilled", memoryFactor=2)
    tasks.apply(
        ruled("grows", eat, double, worker=dict(small)),
        ruled("too-little", eat, double, worker=dict(small), limit=1),
    )
    found = {name: item["status"] for name, item in tasks.wait_terminal(120).items()}
    grown = found["grows"]
    assert counts(grown)[:4] == ("SUCCESS", "Completed", 3, 2)
    assert [item["reason"] for item in grown["attempts"]] == ["OOMKilled", "OOMKilled"]
    assert grown["resources"]["memoryFactor"] == 4
    assert grown["resources"]["requested"]["memory"] == "48Mi"
    pods = {
        pod["metadata"]["name"]: pod["spec"]["containers"][0]["resources"]
        for pod in tasks.pods()
        if pod["metadata"]["labels"]["loadstar.dev/task"] == "grows"
    }
    asked = [pods[name] for name in sorted(pods)]
    assert [item["requests"]["memory"] for item in asked] == ["12Mi", "24Mi", "48Mi"]
    assert [item["limits"]["memory"] for item in asked] == ["24Mi", "48Mi", "96Mi"]
    assert counts(found["too-little"])[:4] == ("FAILED", "OOMKilled", 2, 2)
    assert "memory   4 times what is declared, after kills for memory: 48Mi" in loadstar(
        "why", "grows", "-n", tasks.namespace
    )


@pytest.mark.usefixtures("history")
def test_nodes_on_which_it_failed_come_last(tasks: Tasks) -> None:
    """Three attempts go to three nodes; where there is only one node, all go there."""
    real = {"type": "real"}
    tasks.apply(
        task("roams", until(3, 1), placement={"strict": True, "nodeSelector": real}, retry=SOON),
        task("stays", until(3, 1), placement={"nodeSelector": {HOST: "node-1"}}, retry=SOON),
    )
    found = {name: item["status"] for name, item in tasks.wait_terminal(60).items()}
    assert {status["state"] for status in found.values()} == {"SUCCESS"}
    roamed = [item["node"] for item in found["roams"]["attempts"]] + [found["roams"]["assignedTo"]]
    assert len(set(roamed)) == 3
    assert [item["node"] for item in found["stays"]["attempts"]] == ["node-1", "node-1"]
    assert found["stays"]["assignedTo"] == "node-1"


def test_time_to_live(tasks: Tasks) -> None:
    """What has ended goes with its Pods when its time is over, however many at once; the others stay."""
    tasks.apply(
        *(task(f"brief-{n}", ttlSecondsAfterFinished=3) for n in range(25)),
        task("failed", "exit 1", ttlSecondsAfterFinished=3, retry={"limit": 0}),
        task("kept"),
        task("long", ttlSecondsAfterFinished=3600),
    )
    tasks.wait(lambda found: set(found) == {"kept", "long"}, 90)
    end = time.monotonic() + 30
    while len(tasks.pods()) > 2:
        assert time.monotonic() < end
        time.sleep(0.5)
    tasks.kubectl(
        "patch", "ldt", "long", "-n", tasks.namespace, "--type=merge", "-p", '{"spec":{"ttlSecondsAfterFinished":1}}'
    )
    tasks.wait(lambda found: set(found) == {"kept"}, 20)


def test_retry_makes_it_once_more(tasks: Tasks) -> None:
    """`loadstar retry` makes a new Task of one that has ended, and says why not of one that has not."""
    tasks.apply(
        task("t", 'case "$LOADSTAR_TASK" in t) exit 5;; esac', retry={"limit": 0}, priority=600),
        task("runs", "sleep 600"),
    )
    tasks.wait_reason("t", "WorkerFailed")
    tasks.wait_reason("runs", "PartsRunning")
    where = ("-n", tasks.namespace)
    assert "t-r2 created, a retry of t" in loadstar("retry", "t", *where)
    assert "other created, a retry of t" in loadstar("retry", "t", "--name", "other", *where)
    assert "t-r3 created, a retry of t" in loadstar("retry", "t", *where)
    refused = loadstar("retry", "runs", *where, check=False)
    assert "runs is RUNNING: only a Task that is SUCCESS or FAILED can be made once more" in refused
    found = tasks.wait(lambda all_: all(all_[name]["status"]["state"] == "SUCCESS" for name in ("t-r2", "other")))
    assert found["t-r2"]["metadata"]["annotations"]["loadstar.dev/retry-of"] == "t"
    assert found["t-r2"]["spec"] == found["t"]["spec"]
    assert found["t"]["status"]["state"] == "FAILED"
