"""Tasks that cannot start: the reason, no hot loop, and an end by timeouts.pendingSeconds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.conftest import Json, Kubectl, Tasks, as_yaml, task
from tests.e2e.edits import ABSENT
from tests.e2e.history import History
from tests.e2e.writes import Writes

pytestmark = pytest.mark.battery

PENDING_SECONDS = 20
QUIET_SECONDS = 8


def sized(cpu: str, memory: str) -> dict[str, Any]:
    """Requests of a worker."""
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}}}


@pytest.mark.usefixtures("history")
def test_every_wait_ends(tasks: Tasks, kubectl: Kubectl) -> None:
    """An image, a ConfigMap or a node that is not there: named, waited for without a write, ended by pendingSeconds.

    The Task's Pod is gone before the Task is FAILED; one that gets what it waits for runs.
    """
    limits: dict[str, Any] = {"timeouts": {"pendingSeconds": PENDING_SECONDS}}
    tasks.apply(
        task("image", worker={"image": "registry.invalid/nothing:1"}, **limits),
        task("config", worker={"env": ABSENT}, **limits),
        task("nowhere", placement={"nodeSelector": {"e2e-no": "such"}}, **limits),
        task("huge", worker=sized("64", "8Mi"), **limits),
        task("patient", placement={"requires": ["e2e-patience"]}),
    )
    reasons = {
        "image": "ImageProblem",
        "config": "Misconfigured",
        "nowhere": "NoMatchingNode",
        "huge": "RequestTooLarge",
    }
    begun = time.monotonic()
    tasks.wait(lambda found: all(found[name]["status"]["reason"] == reason for name, reason in reasons.items()))
    tasks.wait_reason("patient", "NoMatchingNode")
    writes = Writes(kubectl)
    before = writes.count()
    time.sleep(max(0.0, min(QUIET_SECONDS, begun + PENDING_SECONDS - 2 - time.monotonic())))
    assert writes.count() - before <= 1, "five Tasks that wait cost nothing"
    found = tasks.wait(lambda found: all(found[name]["status"]["state"] == "FAILED" for name in reasons))
    for name in reasons:
        status = found[name]["status"]
        assert (status["reason"], status.get("failures", 0), status["attempt"] <= 1) == (
            "PendingDeadlineExceeded",
            0,
            True,
        )
    node = kubectl("get", "nodes", "-l", "type=real", "-o", "name").stdout.split()[0]
    kubectl("label", "--overwrite", node, "capability.loadstar.dev/e2e-patience=")
    try:
        assert tasks.wait_terminal()["patient"]["status"]["state"] == "SUCCESS"
    finally:
        kubectl("label", node, "capability.loadstar.dev/e2e-patience-")


def denial(name: str, namespace: str) -> list[Json]:
    """A policy that forbids the Pods of the Task `denied` in the namespace."""
    spec: Json = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ],
        },
        "matchConditions": [
            {"name": "denied", "expression": "object.metadata.?labels[?'loadstar.dev/task'].orValue('') == 'denied'"}
        ],
        "validations": [{"expression": "false", "message": "not on Tuesdays", "reason": "Forbidden"}],
    }
    group = "admissionregistration.k8s.io/v1"
    selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": selector}
    return [
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": binding},
    ]


def test_forbidden_pods_are_waited_for(tasks: Tasks, history: History, kubectl: Kubectl) -> None:
    """A quota, a LimitRange, an admission policy that refuse the Pod: PodCreateForbidden, backoff, no attempt spent.

    A refusal costs its Task a try after 5 and 10 seconds and so on, no more; once the obstacle is gone it runs. (Pod
    Security refuses no Pod of ours: all of these tests run in namespaces that enforce `restricted`.)
    """
    space = tasks.namespace
    obstacles = [
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "q"},
            "spec": {"hard": {"requests.memory": "64Mi"}},
        },
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "l"},
            "spec": {"limits": [{"type": "Container", "min": {"cpu": "5m"}}]},
        },
    ]
    kubectl("apply", "-n", space, "-f", "-", stdin=as_yaml(*obstacles))
    kubectl("apply", "-f", "-", stdin=as_yaml(*denial(space, space)))
    try:
        time.sleep(1)
        tasks.apply(
            task("quota", worker=sized("10m", "128Mi")),
            task("small", worker=sized("1m", "8Mi")),
            task("denied"),
            task("fine"),
        )
        causes = {"quota": "exceeded quota", "small": "minimum cpu usage", "denied": "not on Tuesdays"}
        tasks.wait(lambda found: all(found[name]["status"]["reason"] == "PodCreateForbidden" for name in causes))
        before = Writes(kubectl).count()
        time.sleep(QUIET_SECONDS)
        spent = Writes(kubectl).count() - before
        found = tasks.all()
    finally:
        kubectl("delete", "validatingadmissionpolicybinding", space)
        kubectl("delete", "validatingadmissionpolicy", space)
    for name, cause in causes.items():
        status = found[name]["status"]
        assert (status["state"], status["attempt"], cause in status["message"]) == ("PENDING", 0, True), status
    assert spent <= 3 * 4 * 2, "at most two tries of three Tasks: a lock, a Pod, a status and an Event each"
    kubectl("delete", "quota/q", "limitrange/l", "-n", space)
    ended = tasks.wait_terminal(60)
    assert {(t["status"]["state"], t["status"]["attempt"], t["status"].get("failures", 0)) for t in ended.values()} == {
        ("SUCCESS", 1, 0)
    }
    assert len(history.pods()) == len(ended)
