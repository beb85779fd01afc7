"""Pods and Nodes of the wire, read forgivingly."""

from __future__ import annotations

from typing import Any

from loadstar.core.model import Phase
from loadstar.kube import translate

OWNER = {"apiVersion": "loadstar.dev/v1alpha1", "kind": "Task", "name": "t", "uid": "task-uid"}


def raw_pod(**status: Any) -> dict[str, Any]:
    meta = {"namespace": "ns", "name": "p", "uid": "u", "resourceVersion": "7", "ownerReferences": [OWNER]}
    return {
        "metadata": {**meta, "labels": {"loadstar.dev/attempt": "3"}},
        "spec": {"nodeName": "a", "containers": [{"resources": {"limits": {"cpu": "1"}}}]},
        "status": status,
    }


def test_a_failed_pod_carries_its_end() -> None:
    """Exit code, reason, message and times of the container."""
    ended = {
        "exitCode": 3,
        "reason": "Error",
        "message": "boom\n",
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:00:05Z",
    }
    pod = translate.pod(raw_pod(phase="Failed", containerStatuses=[{"state": {"terminated": ended}}]))
    assert (pod.phase, pod.exit_code, pod.end_reason, pod.end_message) == (Phase.FAILED, 3, "Error", "boom")
    assert pod.finished is not None
    assert pod.started is not None
    assert pod.finished - pod.started == 5
    assert (pod.attempt, pod.task_uid, pod.requests) == (3, "task-uid", {"cpu": 1000})


def test_a_label_alone_makes_no_pod_ours() -> None:
    """Without the owner reference a Pod belongs to no Task, whatever its labels say."""
    raw = raw_pod(phase="Running")
    raw["metadata"]["labels"]["loadstar.dev/task-uid"] = "task-uid"
    raw["metadata"]["ownerReferences"] = []
    assert translate.pod(raw).task_uid == ""


def test_odd_values_do_not_hurt() -> None:
    """Labels and statuses that nobody of ours wrote are read as nothing."""
    raw = raw_pod(phase="Odd")
    raw["metadata"]["labels"]["loadstar.dev/attempt"] = "99999999999999999999"
    pod = translate.pod(raw)
    assert (pod.phase, pod.attempt) == (Phase.PENDING, 0)


def test_requests_count_as_the_scheduler_counts() -> None:
    """The larger of all containers and any init container, and the overhead."""
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "100m"}}}, {"resources": {"requests": {"cpu": "200m"}}}],
        "initContainers": [{"resources": {"requests": {"cpu": "1", "memory": "1Ki"}}}],
        "overhead": {"cpu": "50m"},
    }
    assert translate.requests(spec) == {"cpu": 1050, "memory": 1024}


def test_a_node() -> None:
    """Readiness, cordon, taints and allocatable."""
    node = translate.node(
        {
            "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"unschedulable": True, "taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {"allocatable": {"cpu": "400m"}, "conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
    assert (node.ready, node.unschedulable, node.taints[0].key, node.allocatable) == (True, True, "k", {"cpu": 400})
