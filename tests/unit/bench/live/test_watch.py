"""What is seen of a Pod is what its Task's course says."""

from __future__ import annotations

from math import inf
from typing import Any, cast

from bench.live.units import Tasks
from bench.live.watch import Watch, owner
from bench.throughput.session import Session
from loadstar.simulate.job import Job


def pod(phase: str, node: str = "kwok-1", uid: str = "a", task: str = "job-1") -> dict[str, Any]:
    return {
        "metadata": {"uid": uid, "ownerReferences": [{"name": task}]},
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": phase},
    }


def watch() -> Watch:
    job = Job(1, 4.0, 10.0, 1.0, 1.0, 0.0, "kind", {})
    return Watch(cast("Session", None), Tasks("LoadAware"), [job], lambda: 0.0)


def test_bound_running_ended_each_when_it_is_first_seen() -> None:
    """Later events of the same change nothing."""
    it = watch()
    for now, seen in enumerate((pod("Pending", ""), pod("Pending"), pod("Running"), pod("Running"), pod("Succeeded"))):
        it.see(seen, float(now))
    it.see(pod("Succeeded"), 9.0)
    course = it.courses["job-1"]
    assert (course.placed, course.started, course.finished, course.node) == (1.0, 2.0, 4.0, "kwok-1")
    assert (course.arrival, course.work, course.attempts) == (4.0, 10.0, 1)


def test_an_attempt_that_fails_does_not_count_and_the_next_does() -> None:
    """What is heard of the first one afterwards changes nothing."""
    it = watch()
    for now, seen in enumerate((pod("Running"), pod("Failed"), pod("Running", uid="b"), pod("Failed"))):
        it.see(seen, float(now))
    course = it.courses["job-1"]
    assert (course.placed, course.started, course.finished, course.attempts) == (2.0, 2.0, inf, 2)


def test_pods_of_nobody_are_nobodys() -> None:
    """Those that carry load have no owner."""
    it = watch()
    it.see({"metadata": {"uid": "x"}, "spec": {"nodeName": "kwok-1"}}, 1.0)
    assert it.courses["job-1"].placed == inf
    assert owner({"metadata": {}}) == ""
