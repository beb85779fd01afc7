"""The end of a run, its arrivals and its log, compared."""

from __future__ import annotations

import json

from tests.faults import oracles
from tests.faults.history import picture_at
from tests.unit.faults.builders import History, good, pod, task


def paths(history: History) -> dict[str, str]:
    return oracles.end_state(history, picture_at(history, len(history)))


def test_two_runs_of_the_same_are_the_same() -> None:
    """Uids, moments, nodes and Pods' names of one run are no difference."""
    other = History()
    for event in good():
        text = json.dumps(event.object).replace("uid-", "other-uid-").replace("t-0-", "t-9z-")
        other.add(event.kind, event.type, json.loads(text))
    assert oracles.differences(paths(good()), paths(other)) == []
    assert oracles.differences(oracles.arrivals(good()), oracles.arrivals(other)) == []


def test_the_namespace_of_a_run_is_no_difference() -> None:
    """Not in a value, and not in the name of a resource."""

    def in_namespace(name: str) -> History:
        one = task("PENDING", spec={"limits": {f"x.example/{name}": 1}}, message=f"waits in {name}")
        one["metadata"]["namespace"] = name
        return History().add("Task", "ADDED", one)

    assert oracles.differences(paths(in_namespace("f-one-1")), paths(in_namespace("f-one-2"))) == []


def test_another_end_is_a_difference() -> None:
    """A counter that is off, a Pod too many, a finalizer that stays: each is told with both values."""
    clean = paths(good())
    assert oracles.differences(clean, paths(good().task("SUCCESS", attempt=2, failures=2))) == [
        "Task t#1.status.failures: 1 in the clean run, 2 here"
    ]
    kept = oracles.differences(clean, paths(good().pod("Succeeded", attempt=2, finalizers=("x",))))
    assert kept == ["Pod t#1/0-2.metadata.finalizers[0]: absent in the clean run, x here"]
    assert oracles.differences(clean, paths(good().pod("Failed", type_="ADDED", attempt=3)))


def test_created_twice_is_a_difference() -> None:
    """A Pod deleted and made again leaves the same end; the arrivals tell."""
    history = good()
    history.pod("Succeeded", type_="DELETED", attempt=2).pod("Succeeded", type_="ADDED", attempt=2, uid="uid-again")
    found = oracles.differences(oracles.arrivals(good()), oracles.arrivals(history))
    assert found == [
        "Pod t#1/0-2 DELETED: absent in the clean run, 1 here",
        "Pod t#1/0-2~2 ADDED: absent in the clean run, 1 here",
    ]


def test_a_late_write_is_forgiven_once_collected() -> None:
    """A Pod that a held-back request made after its Task's end counts unless the garbage collector took it away."""
    history = History().task("PENDING").task("PENDING", type_="DELETED").pod("Pending", type_="ADDED")
    assert "Pod t#1/0-1 ADDED" in oracles.arrivals(history, late_writes=True)
    history.pod("Pending", type_="DELETED")
    assert "Pod t#1/0-1 ADDED" not in oracles.arrivals(history, late_writes=True)
    assert "Pod t#1/0-1 ADDED" in oracles.arrivals(history)


def test_a_task_recreated_is_another() -> None:
    """Of one name, each uid is an object of its own."""
    history = History().task("PENDING").task("PENDING", type_="DELETED")
    history.add("Task", "ADDED", task("PENDING", uid="uid-new"))
    history.add("Pod", "ADDED", pod("Running", of="uid-new", label="uid-new", uid="uid-np"))
    assert oracles.names(history) == {"uid-t": "t#1", "uid-new": "t#2", "uid-np": "t#2/0-1"}


def test_the_mask_is_what_clean_runs_disagree_on() -> None:
    """A path on which two clean runs differ says nothing; every other one does."""
    masked = oracles.mask({"a": "1", "b": "1"}, {"a": "2", "b": "1"})
    assert masked == {"a"}
    assert oracles.differences({"a": "1", "b": "1"}, {"a": "3", "b": "1"}, masked) == []
    assert oracles.differences({"a": "1", "b": "1"}, {"a": "3", "b": "2"}, masked)


def test_values_that_mean_the_same() -> None:
    """Only the named values are alike; their messages go with them."""
    alike = ("Disrupted", "PodLost")
    seen = oracles.plain({"x.reason": "Disrupted", "x.message": "deleted"}, alike)
    unseen = oracles.plain({"x.reason": "PodLost", "x.message": "gone"}, alike)
    assert oracles.differences(seen, unseen) == []
    assert oracles.differences(seen, oracles.plain({"x.reason": "WorkerFailed"}, alike))


def test_what_a_log_must_not_hold() -> None:
    """A traceback, a critical line, and what no logger of the operator wrote; warnings are allowed."""
    fine = json.dumps({"level": "warning", "message": "the API server is away"})
    assert oracles.complaints(fine) == []
    assert len(oracles.complaints(json.dumps({"level": "error", "message": "m", "error": "Traceback …"}))) == 1
    assert len(oracles.complaints(json.dumps({"level": "critical", "message": "m"}))) == 1
    assert len(oracles.complaints(f"{fine}\nTraceback (most recent call last):\n  File x\n")) == 1
