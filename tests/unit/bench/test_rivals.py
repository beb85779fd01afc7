"""Both rivals run the same Pod."""

from __future__ import annotations

from typing import Any

from bench.throughput.rivals import Job, Loadstar

POD: dict[str, Any] = {
    "metadata": {"name": "unit-00000-abcde-0-1"},
    "spec": {
        "nodeName": "kwok-1",
        "affinity": {"nodeAffinity": {}},
        "containers": [{"name": "worker", "command": ["simulate", "1"], "env": [{"name": "HOME", "value": "/tmp"}]}],
        "restartPolicy": "Never",
        "tolerations": [{"key": "x"}],
        "volumes": [{"name": "loadstar-tmp", "emptyDir": {}}],
    },
}


def test_a_job_takes_over_all_of_a_tasks_pod_but_the_node() -> None:
    """Container, environment, tolerations and volumes are the same; where it runs is the scheduler's choice."""
    job = Job(1)
    job.learn(POD)
    spec = job.document("unit")["spec"]
    assert spec["template"]["spec"] == {k: v for k, v in POD["spec"].items() if k not in {"nodeName", "affinity"}}
    assert spec["backoffLimit"] == Loadstar(1).document("unit")["spec"]["retry"]["limit"]


def test_each_ends_when_it_says_so() -> None:
    """A Task by its state, a Job by its condition, and neither before."""
    loadstar, job = Loadstar(1), Job(1)
    assert [loadstar.ended({"status": {"state": s}}) for s in ("RUNNING", "SUCCESS", "FAILED")] == [None, True, False]
    assert loadstar.ended({}) is None
    kinds = ("SuccessCriteriaMet", "Complete", "Failed")
    ends = [job.ended({"status": {"conditions": [{"type": kind, "status": "True"}]}}) for kind in kinds]
    assert ends == [None, True, False]
