"""What Pods and Tasks say becomes a course; how many ran at once follows from when they ran."""

from __future__ import annotations

from typing import Any, cast

from bench.live.real_burner import Told
from bench.live.real_courses import Course, Courses, running
from bench.live.real_kills import counted
from bench.live.real_run import completions, measures
from bench.throughput.session import Session

Json = dict[str, Any]


def course(name: str, created: float, began: float, ended: float, **more: Any) -> Course:
    """A Task of 10 s that ran."""
    return Course(name, "kind", 10.0, created, created + 0.5, "node-0", Told(began, ended, 0.0), "SUCCESS", **more)


def pod(name: str, node: str = "", code: int | None = None, message: str = "") -> Json:
    """A Pod of a Task."""
    state = {} if code is None else {"terminated": {"exitCode": code, "message": message}}
    return {
        "metadata": {"name": "x", "labels": {"loadstar.dev/task": name}},
        "spec": {"nodeName": node} if node else {},
        "status": {"containerStatuses": [{"state": state}]},
    }


def watched() -> Courses:
    """Courses of one Task that came at 100."""
    found = Courses(cast(Session, None))
    found.of["a"] = Course("a", "kind", 10.0, 100.0)
    return found


def test_a_pods_last_breath_is_taken_where_it_succeeded() -> None:
    """A killed attempt's is not; the node is that of the last Pod."""
    courses = watched()
    courses.pod(pod("a"))
    assert courses.of["a"].bound is None
    courses.pod(pod("a", "node-1", 137, "{}"))
    assert courses.of["a"].told is None
    courses.pod(pod("a", "node-2", 0, '{"began": 11000, "ended": 12100, "late": 100}'))
    courses.pod(pod("stranger", "node-0", 0))
    found = courses.of["a"]
    assert (found.node, found.run, found.completion) == ("node-2", 11.0, 21.0)


def test_a_tasks_status_tells_what_was_spent() -> None:
    """State, failures, and why attempts ended."""
    courses = watched()
    attempts = [{"reason": "OOMKilled"}]
    status = {"state": "SUCCESS", "attempts": attempts, "resources": {"killedAt": "21Mi"}}
    courses.task({"metadata": {"name": "a"}, "status": status})
    found = courses.of["a"]
    assert (found.state, found.failures, found.reasons, found.killed_at) == ("SUCCESS", 0, ["OOMKilled"], "21Mi")


def test_how_many_ran_at_once_is_a_mean_over_time() -> None:
    """Only the part of a run that is inside counts."""
    courses = [course("a", 0, 0, 10), course("b", 0, 5, 15), course("c", 0, 20, 30)]
    assert running(courses, 0, 10) == 1.5
    assert running(courses, 10, 20) == 0.5


def test_slowdown_is_of_the_run_and_completion_is_from_the_arrival() -> None:
    """Both as multiples of the work, and in seconds."""
    courses = [course("a", 0, 2, 12), course("b", 0, 5, 25), course("c", 0, 8, 39)]
    found = measures(courses, 0.1)
    assert found["mean"] == round((1 + 2 + 3.1) / 3, 4)
    assert found["total_mean"] == round((1.2 + 2.5 + 3.9) / 3, 4)
    assert found["failed"] == round(1 / 3, 4)
    assert (found["waited"], found["sd"]) == (0, 0.1)
    assert completions(courses) == {"completion_mean_s": round(76 / 3, 3), "completion_p99_s": 39}


def test_a_kill_is_recovered_only_without_a_failure_spent() -> None:
    """Neither one that spent an attempt, nor a Task that failed, nor one that was never killed."""
    killed = {"reasons": ["OOMKilled"], "killed_at": "21Mi"}
    courses = [
        course("fine", 0, 0, 10, **killed),
        course("spent", 0, 0, 10, failures=1, **killed),
        course("never", 0, 0, 10),
    ]
    lost = course("lost", 0, 0, 10, **killed)
    lost.state = "FAILED"
    assert counted([*courses, lost]) == {
        "tasks": 4,
        "succeeded": 3,
        "killed": 3,
        "recovered": 1,
        "failures": 1,
        "evicted": 0,
        "asked_when_killed": ["21Mi"],
    }
