"""A Task and a Job of the same thing run the same Pod, and a class of the trace is one class of Tasks."""

from __future__ import annotations

from typing import Any

from bench.live.units import ENDLESS, Jobs, Tasks
from loadstar.core.quantity import CPU, MEMORY
from loadstar.simulate.job import Job

JOB = Job(3, 1.0, 5.0, 1.0, 1.0, 0.0, "class-2", {CPU: 1500, MEMORY: 2**20})
POD: dict[str, Any] = {
    "spec": {
        "nodeName": "kwok-1",
        "containers": [{"name": "worker", "command": ["simulate", "1"], "args": ["sample"], "resources": {}}],
        "restartPolicy": "Never",
    }
}


def test_both_declare_the_same_and_run_the_same() -> None:
    """Command, class and requests; the name is the Task's of the trace."""
    jobs = Jobs()
    jobs.learn(POD)
    task, job = Tasks("RoundRobin", "Learned").document(JOB, ENDLESS), jobs.document(JOB, ENDLESS)
    worker, container = task["spec"]["worker"], job["spec"]["template"]["spec"]["containers"][0]
    assert {name: container[name] for name in ("command", "args", "resources")} == {
        name: worker[name] for name in ("command", "args", "resources")
    }
    assert worker["resources"] == {"requests": {"cpu": "1500m", "memory": "1048576"}}
    assert task["metadata"]["name"] == job["metadata"]["name"] == "job-3"
    assert task["spec"]["placement"] == {"strategy": "RoundRobin", "requests": "Learned"}
    assert "nodeName" not in job["spec"]["template"]["spec"]


def test_a_class_has_one_template_and_no_other_has_it() -> None:
    """Whatever its Tasks really do."""
    other = Job(4, 9.0, 50.0, 3.0, 7.0, 0.0, "class-2", JOB.declared)
    strange = Job(5, 9.0, 50.0, 3.0, 7.0, 0.0, "class-3", JOB.declared)
    mine, same, others = (Tasks("LoadAware").document(job, ENDLESS)["spec"]["worker"] for job in (JOB, other, strange))
    assert mine == same != others
