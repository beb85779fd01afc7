"""A Task from PENDING to its end on real nodes, and what each kind of trouble looks like to its user."""

from __future__ import annotations

import re

from tests.e2e.conftest import ROOT, Kubectl, Tasks, task
from tests.e2e.writes import Writes


def test_samples_succeed(tasks: Tasks, kubectl: Kubectl) -> None:
    """Every sample of the repository runs to SUCCESS; the one that fails once is retried once."""
    node = kubectl("get", "nodes", "-o", "name").stdout.split()[0]
    kubectl("label", "--overwrite", node, "capability.loadstar.dev/ssd=")
    kubectl("apply", "-n", tasks.namespace, "-f", str(ROOT / "manifests" / "samples"))
    found = tasks.wait_terminal(90)
    assert {t["status"]["state"] for t in found.values()} == {"SUCCESS"}
    assert found["retry-once"]["status"]["attempt"] == 2
    assert found["retry-once"]["status"]["attempts"][0]["exitCode"] == 3
    assert found["retries"]["status"]["attempts"][0]["exitCode"] == 75
    assert "failures" not in found["retries"]["status"]
    assert f"node/{found['on-ssd']['status']['assignedTo']}" == node
    kubectl("label", node, "capability.loadstar.dev/ssd-")


def test_root_image_runs_restricted(tasks: Tasks, kubectl: Kubectl) -> None:
    """An image whose user is root runs as 65532, writes /tmp and HOME, and not its root file system."""
    script = 'id -u; echo x > /tmp/x && echo y > "$HOME/y" && (echo z > /z) 2>/dev/null && exit 9; exit 0'
    tasks.apply(task("plain", script))
    status = tasks.wait_terminal()["plain"]["status"]
    assert status["state"] == "SUCCESS"
    assert kubectl("logs", "-n", tasks.namespace, status["pod"]).stdout.strip() == "65532"
    kubectl("wait", "--for=condition=Succeeded", "ldt/plain", "-n", tasks.namespace, "--timeout=5s")


def test_containers_find_no_token(tasks: Tasks) -> None:
    """No ServiceAccount token reaches a worker's container."""
    tasks.apply(task("look", "[ ! -e /var/run/secrets/kubernetes.io/serviceaccount/token ]", retry={"limit": 0}))
    assert tasks.wait_terminal()["look"]["status"]["state"] == "SUCCESS"


def test_every_trouble_has_its_reason(tasks: Tasks) -> None:
    """A wrong image, an impossible request, a missing capability, a failing command, a deadline: each says so."""
    big = {"resources": {"requests": {"cpu": "64"}}}
    tasks.apply(
        task("image", worker={"image": "registry.invalid/nothing:1"}),
        task("huge", worker=big),
        task("special", placement={"requires": ["quantum"]}),
        task("exits", "echo no such file >&2; exit 3", retry={"limit": 1, "backoff": {"initialSeconds": 1}}),
        task("slow", "sleep 60", timeouts={"runSeconds": 3}),
        task("command", worker={"command": ["/no/such/program"]}, retry={"limit": 0}),
        task("missing", worker={"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "x"}}}]}),
    )
    image = tasks.wait_reason("image", "ImageProblem")
    assert image["status"]["state"] == "ASSIGNED"
    assert "registry.invalid" in image["status"]["message"]
    huge = tasks.wait_reason("huge", "RequestTooLarge")["status"]
    assert huge["state"] == "PENDING"
    assert re.search(
        r"0/\d+ nodes: \d+ too small for the request \(cpu 400m at most\); asks for cpu 64", huge["message"]
    )
    special = tasks.wait_reason("special", "NoMatchingNode")["status"]
    assert "without a required capability (quantum)" in special["message"]
    exits = tasks.wait_reason("exits", "WorkerFailed")["status"]
    assert (exits["state"], exits["exitCode"], exits["attempt"], exits.get("failures", 0)) == ("FAILED", 3, 2, 2)
    assert "no such file" in exits["message"]
    assert tasks.wait_reason("slow", "DeadlineExceeded")["status"]["state"] == "FAILED"
    assert tasks.wait_reason("missing", "Misconfigured")["status"]["state"] == "ASSIGNED"
    command = tasks.wait(lambda found: found["command"]["status"]["state"] == "FAILED")["command"]["status"]
    assert command["reason"] == "Misconfigured"


def test_deletion_removes_pods(tasks: Tasks, kubectl: Kubectl) -> None:
    """Deleting a Task ends and removes its Pods, with no finalizer in the way."""
    tasks.apply(task("long", "trap 'exit 0' TERM; sleep 300 & wait"))
    running = tasks.wait_reason("long", "PartsRunning")
    assert "finalizers" not in running["metadata"]
    assert "annotations" in running["metadata"]  # kubectl's own
    assert all("kopf" not in name for name in running["metadata"]["annotations"])
    kubectl("delete", "ldt", "long", "-n", tasks.namespace, "--timeout=10s")
    kubectl("wait", "--for=delete", "pod", "--all", "-n", tasks.namespace, "--timeout=60s")


def test_lost_pod_costs_no_attempt(tasks: Tasks, kubectl: Kubectl) -> None:
    """A Pod deleted by hand is a disruption: the Task runs again and its failures stay 0."""
    tasks.apply(task("stubborn", '[ "$LOADSTAR_ATTEMPT" -ge 2 ] || sleep 300', retry={"limit": 0}))
    pod = tasks.wait_reason("stubborn", "PartsRunning")["status"]["pod"]
    kubectl("delete", "pod", pod, "-n", tasks.namespace, "--grace-period=1")
    status = tasks.wait_terminal()["stubborn"]["status"]
    assert (status["state"], status.get("failures", 0), status.get("disruptions", 0), status["attempt"]) == (
        "SUCCESS",
        0,
        1,
        2,
    )


def test_quota_is_waited_for(tasks: Tasks, kubectl: Kubectl) -> None:
    """A Pod that a quota refuses makes the Task wait with PodCreateForbidden, and run once there is room."""
    kubectl("create", "quota", "none", "--hard=pods=0", "-n", tasks.namespace)
    tasks.apply(task("later"))
    waiting = tasks.wait_reason("later", "PodCreateForbidden")["status"]
    assert (waiting["state"], waiting["attempt"]) == ("PENDING", 0)
    assert "exceeded quota" in waiting["message"]
    kubectl("delete", "quota", "none", "-n", tasks.namespace)
    assert tasks.wait_terminal(90)["later"]["status"]["attempt"] == 1


def test_at_most_four_writes_a_task(tasks: Tasks, kubectl: Kubectl) -> None:
    """A one-part Task costs at most four mutating calls of ours, by the API server's own count."""
    count, writes, ours = 20, Writes(kubectl), ("pods", "tasks/status")
    before = writes.rest(*ours)
    tasks.apply(*(task(f"count-{n}") for n in range(count)))
    found = tasks.wait_terminal(120)
    assert {t["status"]["state"] for t in found.values()} == {"SUCCESS"}
    assert (writes.count(*ours) - before) / count <= 4.0


def test_a_type_brings_its_worker(tasks: Tasks, kubectl: Kubectl) -> None:
    """A Task that names no worker waits and says so; once the policy's sample gives its type one, it runs that."""
    typed = task("typed", type="image")
    del typed["spec"]["worker"]
    tasks.apply(typed)
    waiting = tasks.wait_reason("typed", "NoWorkerForType")["status"]
    assert (waiting["state"], "types with a worker: none" in waiting["message"]) == ("PENDING", True)
    kubectl("apply", "-f", str(ROOT / "manifests" / "samples" / "policy"))
    try:
        assert tasks.wait_terminal()["typed"]["status"]["state"] == "SUCCESS"
    finally:
        kubectl("patch", "ldp", "default", "--type=merge", "-p", '{"spec":{"types":null}}')
