"""How a Pod may end on a real node, and what its Task then says: a failure of its own, or a disruption that is free."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.bed import Bed
from tests.e2e.conftest import ROOM, Json, Kubectl, Tasks, as_yaml, task

pytestmark = [pytest.mark.bed, pytest.mark.usefixtures("history")]

ONCE = '[ "$LOADSTAR_ATTEMPT" -ge 2 ] || sleep 300'
"""Hangs at the first attempt and succeeds at the second."""
TRAP = '[ "$LOADSTAR_ATTEMPT" -ge 2 ] && exit 0; trap "sleep 1; exit {}" TERM; sleep 300 & wait'
HARDEN = {
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}


def pinned(name: str, script: str, namespace: str, **worker: Any) -> Json:
    """A Task for the room that survives no failure; its Pod is killed a second after SIGTERM unless said otherwise."""
    return task(
        name,
        script,
        worker={"terminationGracePeriodSeconds": 1, **worker},
        retry={"limit": 0},
        placement={"nodeSelector": {ROOM: namespace}},
    )


def worker_process(bed: Bed, name: str) -> int:
    """The first process of a Task's container."""
    marks = {f"LOADSTAR_TASK={name}".encode(), b"LOADSTAR_ATTEMPT=1"}
    for node in bed.nodes():
        for pid in node.pids():
            try:
                if marks <= set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")):
                    return pid
            except OSError:
                continue
    pytest.fail(f"no process of {name}")


def test_own_failures(tasks: Tasks, bed: Bed) -> None:
    """Exit codes 1, 137 and 143 alone are failures, a direct kill and too much memory too; 0 is success."""
    small = {"resources": {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "24Mi"}}}
    tasks.apply(
        *(task(f"exit-{code}", f"exit {code}", retry={"limit": 0}) for code in (0, 1, 137, 143)),
        task("killed", "sleep 300", retry={"limit": 0}),
        task("greedy", "dd if=/dev/zero of=/dev/null bs=100M count=1", retry={"limit": 0}, worker=small),
    )
    tasks.wait_reason("killed", "PartsRunning")
    os.kill(worker_process(bed, "killed"), signal.SIGKILL)
    found = {name: item["status"] for name, item in tasks.wait_terminal().items()}
    seen = {name: (item["state"], item["reason"], item["exitCode"]) for name, item in found.items()}
    assert seen == {
        "exit-0": ("SUCCESS", "Completed", 0),
        "exit-1": ("FAILED", "WorkerFailed", 1),
        "exit-137": ("FAILED", "WorkerFailed", 137),
        "exit-143": ("FAILED", "WorkerFailed", 143),
        "killed": ("FAILED", "WorkerFailed", 137),
        "greedy": ("FAILED", "OOMKilled", 137),
    }
    assert {name: item.get("failures", 0) for name, item in found.items()} == {
        name: int(name != "exit-0") for name in found
    }
    assert {item.get("disruptions", 0) for item in found.values()} == {0}


def test_disruptions(tasks: Tasks, rooms: list[str], kubectl: Kubectl, bed: Bed) -> None:
    """Evicted, drained, preempted, tainted away, refused by the kubelet, deleted by hand: free, and named as such.

    Deleted by hand means while Pending, while running, by force, and while it takes its time to end. A Pod that ends
    with exit code 0 after SIGTERM has succeeded: nothing tells its end from any other.
    """
    here, there = rooms[:2]
    space = tasks.namespace
    absent = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "absent", "key": "x"}}}]
    simple = ("evicted", "drained", "deleted", "forced", "tainted")
    large = {"resources": {"requests": {"cpu": "250m", "memory": "8Mi"}}}
    tolerant = pinned("tolerant", "until [ -e /tmp/end ]; do sleep 0.3; done", space)
    tolerant["spec"]["placement"]["tolerations"] = [{"key": "e2e-away", "operator": "Exists"}]
    refuse(tasks, bed, there)
    tasks.apply(
        *(pinned(name, ONCE, space) for name in simple),
        pinned("preempted", ONCE, space, **large),
        pinned("finishing", TRAP.format(3), space, terminationGracePeriodSeconds=10),
        pinned("polite", TRAP.format(0), space, terminationGracePeriodSeconds=10),
        pinned("pending", "true", space, env=absent),
        tolerant,
    )
    running = {*simple, "preempted", "finishing", "polite", "tolerant"}
    found = tasks.wait(lambda found: all(found[name]["status"]["state"] == "RUNNING" for name in running))
    tasks.wait_reason("pending", "Misconfigured")
    pods = {name: item["status"]["pod"] for name, item in tasks.all().items()}
    assert {found[name]["status"]["assignedTo"] for name in running} == {here}
    kubectl("label", "--overwrite", "node", there, f"{ROOM}={space}")
    kubectl("create", "configmap", "absent", "--from-literal=x=1", "-n", space)
    kubectl(
        "delete",
        "pod",
        *(pods[name] for name in ("deleted", "pending", "finishing", "polite")),
        "--wait=false",
        "-n",
        space,
    )
    kubectl("delete", "pod", pods["forced"], "--force", "--grace-period=0", "-n", space)
    evict(kubectl, space, pods["evicted"])
    preempt(kubectl, space, here)
    kubectl(
        *("drain", here, "--pod-selector=loadstar.dev/task=drained", "--force", "--delete-emptydir-data"),
        *("--ignore-daemonsets", "--timeout=30s"),
    )
    kubectl("taint", "node", here, "e2e-away=:NoExecute", "--overwrite")
    try:
        tasks.wait(lambda found: found["tainted"]["status"]["attempt"] == 2)
        tasks.touch(pods["tolerant"], "/tmp/end")
        ended = {name: item["status"] for name, item in tasks.wait_terminal(90).items()}
    finally:
        kubectl("taint", "node", here, "e2e-away-")
        kubectl("uncordon", here)
        kubectl("delete", "pod", "important", "-n", space, "--wait=false", "--ignore-not-found")
        kubectl("delete", "priorityclass", f"high-{space}")
    assert {item["state"] for item in ended.values()} == {"SUCCESS"}, ended
    assert {item.get("failures", 0) for item in ended.values()} == {0}
    whole = {"polite", "tolerant"}
    assert {name: (item["attempt"], item.get("disruptions", 0)) for name, item in ended.items()} == {
        name: (1, 0) if name in whole else (2, 1) for name in ended
    }
    first = {name: ended[name]["attempts"][0] for name in ended}
    assert first.pop("refused")["reason"] == "NodeRefused"
    assert {first[name]["reason"] for name in first.keys() - whole} <= {"Disrupted", "PodLost"}
    for name, cause in (
        ("evicted", "EvictionByEvictionAPI"),
        ("drained", "EvictionByEvictionAPI"),
        ("preempted", "PreemptionByScheduler"),
        ("tainted", "DeletionByTaintManager"),
    ):
        assert (first[name]["reason"], cause in first[name]["message"]) == ("Disrupted", True), first[name]


def refuse(tasks: Tasks, bed: Bed, node: str) -> None:
    """A Task whose first Pod is bound, in the scheduler's place, to a node that its kubelet must turn it away from."""
    bed.signal("kube-scheduler", signal.SIGSTOP)
    try:
        tasks.apply(pinned("refused", "true", tasks.namespace))
        pods = wait_for(lambda: tasks.pods() or None)
        name = pods[0]["metadata"]["name"]
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        path = f"/api/v1/namespaces/{tasks.namespace}/pods/{name}/binding"
        tasks.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(binding))
    finally:
        bed.signal("kube-scheduler", signal.SIGCONT)


def evict(kubectl: Kubectl, namespace: str, pod: str) -> None:
    """Ask the eviction API for a Pod's end."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    kubectl("create", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", "-f", "-", stdin=json.dumps(body))


def preempt(kubectl: Kubectl, namespace: str, node: str) -> None:
    """A Pod that is more important and needs the room; returns once it has the node."""
    name = f"high-{namespace}"
    important = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "important"},
        "spec": {
            "priorityClassName": name,
            "nodeSelector": {"kubernetes.io/hostname": node},
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "c",
                    "image": "busybox:1.35",
                    "command": ["sleep", "300"],
                    "resources": {"requests": {"cpu": "250m"}},
                    **HARDEN,
                }
            ],
        },
    }
    kubectl("create", "priorityclass", name, "--value=1000")
    kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(important))
    kubectl("wait", "--for=condition=PodScheduled", "pod/important", "-n", namespace, "--timeout=30s")


def wait_for(ready: Callable[[], Any], seconds: float = 30) -> Any:
    """What `ready` returns once that is not None."""
    end = time.monotonic() + seconds
    while (found := ready()) is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


@pytest.mark.battery
def test_storage_limits(tasks: Tasks) -> None:
    """More storage than its own limit, or than an emptyDir's, is a failure of the Task's own: StorageExceeded."""
    limits = {"resources": {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"ephemeral-storage": "2Mi"}}}
    folder = {
        "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Mi"}}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    write = "dd if=/dev/zero of={}/file bs=1M count=20 && sleep 240"
    tasks.apply(
        task("limit", write.format("/tmp"), worker=limits, retry={"limit": 0}),
        task("folder", write.format("/data"), worker=folder, retry={"limit": 0}),
    )
    found = tasks.wait_terminal(150)
    for item in found.values():
        status = item["status"]
        assert (status["state"], status["reason"], status.get("failures", 0), status.get("disruptions", 0)) == (
            "FAILED",
            "StorageExceeded",
            1,
            0,
        ), status


@pytest.mark.battery
def test_node_pressure(tasks: Tasks, rooms: list[str], kubectl: Kubectl, bed: Bed) -> None:
    """A Pod that the kubelet evicts for its node's sake is disrupted, not failed, and goes to another node.

    The pressure is of process ids: the kubelet is told to keep nearly all of them free.
    """
    here, there = rooms[:2]
    tasks.apply(pinned("pressed", ONCE, tasks.namespace))
    tasks.wait_reason("pressed", "PartsRunning")
    kubectl("label", "--overwrite", "node", there, f"{ROOM}={tasks.namespace}")
    file = next(node.folder for node in bed.nodes() if node.name == here) / "kubelet.yaml"
    before = file.read_text()
    settings = yaml.safe_load(before)
    settings["evictionHard"]["pid.available"] = "99.999%"
    try:
        file.write_text(yaml.safe_dump(settings))
        restart(bed, here)
        status = tasks.wait_terminal(120)["pressed"]["status"]
    finally:
        file.write_text(before)
        restart(bed, here)
        kubectl("wait", "--for=condition=PIDPressure=False", f"node/{here}", "--timeout=60s")
    assert (status["state"], status["attempt"], status.get("failures", 0), status.get("disruptions", 0)) == (
        "SUCCESS",
        2,
        0,
        1,
    )
    assert status["assignedTo"] == there
    first = status["attempts"][0]
    # As evicted, or as turned away when the kubelet takes up its Pods again.
    assert first["reason"] == "Disrupted", first
    assert "TerminationByKubelet" in first["message"] or "PIDPressure" in first["message"], first


def restart(bed: Bed, node: str) -> None:
    """A new kubelet on the node."""
    bed.stop(f"{node}/kubelet")
    bed.start(f"{node}/kubelet")
