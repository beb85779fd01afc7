"""Pods and Nodes of the wire, read forgivingly."""

from __future__ import annotations

from typing import Any

import pytest

from loadstar.core.model import Phase
from loadstar.kube import translate

OWNER = {"apiVersion": "loadstar.dev/v1alpha1", "kind": "Task", "name": "t", "uid": "task-uid"}


def raw_pod(**status: Any) -> dict[str, Any]:
    meta = {"namespace": "ns", "name": "t-tasku-0-3", "uid": "u", "resourceVersion": "7", "ownerReferences": [OWNER]}
    return {
        "metadata": {**meta, "labels": {"loadstar.dev/attempt": "99", "loadstar.dev/task-uid": "task-uid"}},
        "spec": {"nodeName": "a", "containers": [{"resources": {"limits": {"cpu": "1"}}}]},
        "status": status,
    }


def test_a_failed_pod_carries_its_end() -> None:
    """Exit code, reason, message and times of the container; the attempt is the name's, whatever a label says."""
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


def test_label_and_owner_must_agree() -> None:
    """Without the owner reference, or with another's, a Pod's marks are altered: a label alone makes no Pod ours."""
    raw = raw_pod(phase="Running")
    assert not translate.pod(raw).altered
    raw["metadata"]["ownerReferences"] = []
    assert translate.pod(raw).altered
    other = raw_pod(phase="Running")
    other["metadata"]["labels"]["loadstar.dev/task-uid"] = "another"
    assert (translate.pod(other).altered, translate.pod(other).task_uid) == (True, "task-uid")


def test_what_only_a_finalizer_holds_is_dead() -> None:
    """A grace period of 0 means that the object would be gone but for finalizers; ours is told apart."""
    raw = raw_pod(phase="Running")
    raw["metadata"] |= {
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 0,
        "finalizers": ["loadstar.dev/track-completion"],
    }
    pod = translate.pod(raw)
    assert (pod.ended, pod.expunged, pod.tracked) == (True, True, True)


def test_odd_values_do_not_hurt() -> None:
    """Names and statuses that nobody of ours wrote are read as nothing."""
    raw = raw_pod(phase="Odd")
    raw["metadata"]["name"] = "t-0-99999999999999999999"
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


@pytest.mark.parametrize(
    ("status", "kubelet"),
    [
        ({"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}, "10.0.0.1:10250"),
        (
            {
                "addresses": [{"type": "InternalIP", "address": "fd00::1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10247}},
            },
            "[fd00::1]:10247",
        ),
        ({"addresses": [{"type": "Hostname", "address": "a"}]}, ""),
        ({"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "daemonEndpoints": {}}, "10.0.0.1:10250"),
        ({}, ""),
    ],
)
def test_a_node_tells_where_its_kubelet_is(status: dict[str, Any], kubelet: str) -> None:
    """At its InternalIP and the port that it tells; its addresses are names that others may call it by."""
    node = translate.node({"metadata": {"name": "a"}, "status": status})
    assert node.kubelet == kubelet
    assert node.addresses == tuple(item["address"] for item in status.get("addresses", ()))


def test_the_result_is_the_termination_message_of_a_success() -> None:
    """What a failed container wrote, or logged, is a message; only exit code 0 leaves a result."""
    for code, expected in ((0, "42 rows"), (1, None)):
        ended = {"exitCode": code, "message": "42 rows\n"}
        raw = {
            "metadata": {"namespace": "ns", "name": "t-01234-0-1", "uid": "u"},
            "status": {"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": ended}}]},
        }
        assert translate.pod(raw).result == expected
