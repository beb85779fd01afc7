"""Placement follows real load, and goes on without it."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest

from tests.cluster.bed import Bed
from tests.e2e.conftest import Json, Kubectl, Tasks, as_yaml, task

pytestmark = pytest.mark.bed
HOT = "node-0"


def burner(seconds: int) -> Json:
    """A Pod that asks for nothing and takes all the CPU its node gives."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "burner"},
        "spec": {
            "nodeName": HOT,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": seconds,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "burn",
                    "image": "busybox:1.35",
                    "command": ["sh", "-c", "while :; do :; done"],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


def told(kubectl: Kubectl) -> Json:
    """The PlacementPolicy's status."""
    return dict(json.loads(kubectl("get", "ldp", "default", "-o", "json").stdout).get("status", {}))


def by_name(status: Json) -> dict[str, Json]:
    """Its nodes: all of them, where there are few."""
    return {node["name"]: node for node in (*status.get("best", []), *status.get("worst", []))}


def test_tasks_avoid_the_hot_node(tasks: Tasks, kubectl: Kubectl) -> None:
    """With one node kept hot by a real burner, at least 19 of 20 Tasks go elsewhere, and their status says why."""
    kubectl("apply", "-n", tasks.namespace, "-f", "-", stdin=as_yaml(burner(150)))
    end = time.monotonic() + 80
    while by_name(status := told(kubectl)).get(HOT, {}).get("class") != "Hot":
        assert time.monotonic() < end, f"{HOT} never became hot: {status}"
        time.sleep(1)
    assert status["totals"]["hot"] == sum(node["class"] == "Hot" for node in by_name(status).values())
    assert status["totals"]["deviation"] > 0
    tasks.apply(*(task(f"cool-{n}", "sleep 1") for n in range(20)))
    found = tasks.wait_terminal(90)
    nodes = Counter(item["status"]["assignedTo"] for item in found.values())
    assert nodes[HOT] <= 1, nodes
    chosen = found["cool-0"]["status"]["placement"]
    assert chosen["class"] == "Cold"
    assert chosen["sampleAgeSeconds"] <= 60
    assert "io not measured" in chosen["terms"], "metrics.k8s.io has no I/O: it must be unknown, not zero"
    assert chosen["next"]
    assert chosen["node"] not in chosen["next"]
    kubectl("delete", "pod", "burner", "-n", tasks.namespace, "--wait=false")


def conditions_of_policy(kubectl: Kubectl) -> dict[str, tuple[str, str]]:
    """Status and reason by type."""
    return {item["type"]: (item["status"], item["reason"]) for item in told(kubectl)["conditions"]}


def test_tasks_run_without_load_data(tasks: Tasks, kubectl: Kubectl, bed: Bed) -> None:
    """With metrics-server stopped, Tasks still run, and LoadDataFresh says False on them and on the policy."""
    kubectl("patch", "ldp", "default", "--type=merge", "-p", '{"spec":{"metrics":{"staleSeconds":10}}}')
    bed.stop("metrics-server")
    try:
        end = time.monotonic() + 60
        while {node["class"] for node in by_name(told(kubectl)).values()} - {"Quarantined"} != {"Unknown"}:
            assert time.monotonic() < end, told(kubectl)
            time.sleep(1)
        tasks.apply(task("blind"))
        status = tasks.wait_terminal()["blind"]["status"]
        conditions = {item["type"]: item for item in status["conditions"]}
        assert status["state"] == "SUCCESS"
        assert conditions["LoadDataFresh"]["status"] == "False"
        wanted = {
            "LoadDataFresh": ("False", "NoFreshSample"),
            "MetricsReady": ("False", "SourceFailing"),
            "MetricsServerReady": ("False", "NoAnswer"),
        }
        # The policy's status is written every 15 s at most.
        end = time.monotonic() + 40
        while (found := conditions_of_policy(kubectl)) != wanted:
            assert time.monotonic() < end, found
            time.sleep(1)
    finally:
        bed.start("metrics-server")
        kubectl("patch", "ldp", "default", "--type=merge", "-p", '{"spec":{"metrics":{"staleSeconds":180}}}')
