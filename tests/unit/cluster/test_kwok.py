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


def test_no_stage_empties_finalizers() -> None:
    """A Pod that a finalizer holds is killed and stays until whoever put it there takes it away."""
    for stage in kwok.stages():
        assert not [step for step in stage["spec"]["steps"] if "finalizers" in step]
    names = [stage["metadata"]["name"] for stage in kwok.stages()]
    assert names == ["pod-end", "pod-kill", "pod-delete"]


def test_only_the_end_takes_its_time() -> None:
    """A Pod runs the seconds of its command, at most its deadline; one that is being deleted goes at once."""
    delays = {stage["metadata"]["name"]: stage["spec"].get("delay") for stage in kwok.stages()}
    assert delays["pod-kill"] is None
    assert delays["pod-delete"] is None
    assert "activeDeadlineSeconds" in str(delays["pod-end"])
