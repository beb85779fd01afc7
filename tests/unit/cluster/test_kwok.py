"""Simulated nodes: the objects that KWOK and metrics-server are given."""

from __future__ import annotations

from tests.cluster import kwok


def test_a_node_says_where_its_load_is_read() -> None:
    """metrics-server finds the load of a simulated node at the path in its annotation, and KWOK finds the node."""
    node = kwok.node(3)
    assert node["metadata"]["name"] == "kwok-3"
    assert node["metadata"]["labels"]["type"] == "kwok"
    assert node["metadata"]["annotations"] == {
        "metrics.k8s.io/resource-metrics-path": "/metrics/nodes/kwok-3/metrics/resource"
    }
    assert node["status"]["allocatable"] == {"cpu": "32", "memory": "64Gi", "pods": "110"}


def test_every_node_has_load() -> None:
    """A node that uses nothing is left out of metrics.k8s.io: each gets a Pod that has some and asks for none."""
    pod = kwok.load(3)
    assert pod["spec"]["nodeName"] == "kwok-3"
    assert pod["metadata"]["annotations"]["kwok.x-k8s.io/usage-cpu"] == "100m"
    assert "resources" not in pod["spec"]["containers"][0]


def test_only_pods_of_tasks_end() -> None:
    """Pods of Tasks succeed after the seconds that their annotation says, or one; others run on."""
    spec = kwok.task_stage()["spec"]
    assert spec["selector"]["matchLabels"] == {"app.kubernetes.io/managed-by": "loadstar"}
    assert spec["delay"]["durationMilliseconds"] == 1000
    assert 'annotations["loadstar.dev/kwok-run-seconds"]' in spec["delay"]["durationFrom"]["jq"]["expression"]
