"""Each invariant holds on a good history and fails on one that violates it, and only that one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.invariants import CHECKS, Facts, violations
from tests.unit.faults.builders import TASK_UID, History, broken, good, node

KNOWN = Facts(created=frozenset({TASK_UID}))


def two_live() -> History:
    """A second attempt's Pod while the first one still runs."""
    history = History().task("PENDING").task("ASSIGNED", attempt=1).pod("Running", type_="ADDED")
    return history.pod("Running", type_="ADDED", attempt=2).task("RUNNING", attempt=1)


def same_attempt_twice() -> History:
    """Two Pods of one attempt, after the first one's end: the name is fixed, so only the uid tells."""
    history = History().task("PENDING").task("ASSIGNED", attempt=1).pod("Running", type_="ADDED")
    return history.pod("Running", type_="ADDED", uid="uid-again").task("RUNNING", attempt=1)


def skipped_running() -> History:
    """From ASSIGNED to SUCCESS at once."""
    history = History().task("PENDING").task("ASSIGNED", attempt=1).pod("Succeeded", type_="ADDED")
    return history.task("SUCCESS", attempt=1)


def begins_assigned() -> History:
    """A Task that is ASSIGNED when it is created."""
    return History().task("ASSIGNED", attempt=1)


def changes_after_end() -> History:
    """The attempts of a Task that has ended are written anew."""
    return good().task("SUCCESS", attempt=3, failures=1)


def ended_while_it_runs() -> History:
    """FAILED while the Pod still runs."""
    history = History().task("PENDING").task("ASSIGNED", attempt=1).pod("Running", type_="ADDED")
    return history.task("RUNNING", attempt=1).task("FAILED", attempt=1)


def comes_to_life_after_the_end() -> History:
    """A Pod made after the Task has ended."""
    return good().pod("Pending", type_="ADDED", attempt=3)


def wrong_owner() -> History:
    """A Pod whose owner is not the Task that its label names."""
    return good().pod("Succeeded", type_="ADDED", attempt=3, of="uid-old")


def outlives_its_task() -> History:
    """The Task is gone, its Pods stay."""
    return good().task("SUCCESS", type_="DELETED", attempt=2, failures=1)


def finalizer_stays() -> History:
    """The last Pod keeps its finalizer though its end is recorded."""
    return good().pod("Succeeded", attempt=2, finalizers=("loadstar.dev/track-completion",))


def made_for_nobody() -> History:
    """A Pod made long after its Task was deleted."""
    history = History().task("PENDING").task("PENDING", type_="DELETED")
    history.pod("Pending", type_="ADDED", after=60)
    return history.pod("Pending", type_="DELETED")


def never_seen() -> History:
    """A Task was accepted; no event ever told of it."""
    return History().task("PENDING", uid="uid-other")


def invented_failure() -> History:
    """A failure is counted of a Pod that was deleted."""
    history = History().task("PENDING").task("ASSIGNED", attempt=1).pod("Running", type_="ADDED")
    history.pod("Running", deleting=True).pod("Running", type_="DELETED", deleting=True)
    return history.task("PENDING", attempt=1, failures=1)


def failure_forgotten() -> History:
    """A Pod failed, and the Task does not say so."""
    history = History().task("PENDING").task("ASSIGNED", attempt=1).pod("Running", type_="ADDED")
    return history.pod("Failed").task("PENDING", attempt=1)


def counted_twice() -> History:
    """One Pod's failure is counted twice."""
    return good().task("SUCCESS", attempt=2, failures=2)


def invented_disruption() -> History:
    """A disruption is counted though no Pod was lost."""
    return History().task("PENDING").task("ASSIGNED", attempt=1).task("PENDING", attempt=1, disruptions=1)


def hot_loop() -> History:
    """The same state is written with one reason after another."""
    history = History().task("PENDING")
    for number in range(6):
        history.task("PENDING", reason=f"Reason{number}")
    return history


def ahead_of_its_spec() -> History:
    """A status observed a generation that does not exist."""
    return good().task("SUCCESS", attempt=2, failures=1, observedGeneration=2)


def behind_its_spec() -> History:
    """In the end the status still speaks of an older spec."""
    return History().task("PENDING").task("PENDING", generation=2, observedGeneration=1)


def no_condition() -> History:
    """In the end the Task has no condition at all."""
    return History().task("PENDING", conditions=[])


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (two_live, "I1"),
        (same_attempt_twice, "I1"),
        (skipped_running, "I2"),
        (begins_assigned, "I2"),
        (changes_after_end, "I3"),
        (ended_while_it_runs, "I4"),
        (comes_to_life_after_the_end, "I4"),
        (wrong_owner, "I5"),
        (outlives_its_task, "I5"),
        (finalizer_stays, "I5"),
        (made_for_nobody, "I5"),
        (never_seen, "I6"),
        (outlives_its_task, "I6"),
        (invented_failure, "I9"),
        (failure_forgotten, "I9"),
        (counted_twice, "I9"),
        (invented_disruption, "I9"),
        (hot_loop, "I11"),
        (ahead_of_its_spec, "I12"),
        (behind_its_spec, "I12"),
        (no_condition, "I12"),
    ],
)
def test_each_can_fail(make: Callable[[], History], name: str) -> None:
    """The history that a docstring describes violates this invariant."""
    assert name in broken(make())


def test_a_good_history_violates_none() -> None:
    """A retry that ends well is found to be well."""
    assert violations(good(), KNOWN) == []


def test_order_is_that_of_etcd() -> None:
    """Two watches interleave as they like; the versions say what came first."""
    assert violations(list(reversed(good())), KNOWN) == []


def test_opted_out_of_one_live_pod() -> None:
    """With retry.onNodeLost a second Pod may run beside one on a lost node; two of one attempt may not."""
    spec = {"retry": {"onNodeLost": {"replaceAfterSeconds": 30}}}
    history = History().task("PENDING", spec=spec).pod("Running", type_="ADDED")
    assert "I1" not in broken(history.pod("Running", type_="ADDED", attempt=2))
    assert "I1" in broken(history.pod("Running", type_="ADDED", attempt=2, uid="uid-again"))


def test_a_deleted_task_was_asked_for_or_has_a_time_to_live() -> None:
    """Only a user's deletion and ttlSecondsAfterFinished after the end are reasons for a Task to be gone."""
    gone = History().task("PENDING").task("PENDING", type_="DELETED")
    assert broken(gone) == {"I6"}
    assert broken(gone, Facts(created=frozenset({TASK_UID}), deleted=frozenset({TASK_UID}))) == set()
    spec = {"ttlSecondsAfterFinished": 1}
    expired = History().task("PENDING").task("FAILED", spec=spec).task("FAILED", type_="DELETED", spec=spec)
    assert broken(expired) == set()


def test_a_late_pod_is_forgiven_once_it_is_gone() -> None:
    """A held-back request may make a Pod after the end; it must go again, and another fault excuses none."""
    late = Facts(created=frozenset({TASK_UID}), late_writes=True)
    history = good().pod("Pending", type_="ADDED", attempt=3)
    assert "I4" in broken(history, late)
    history.pod("Pending", type_="DELETED", attempt=3)
    assert "I4" not in broken(history, late)
    assert "I4" in broken(history)


def test_a_write_at_rest_is_told() -> None:
    """I10 is about requests, which no history shows when they change nothing."""
    facts = Facts(created=frozenset({TASK_UID}), rest_writes=("PUT /x",))
    assert broken(good(), facts) == {"I10"}


@pytest.mark.parametrize(
    ("states", "closed"),
    [
        ([{"cordoned": True}], True),
        ([{"ready": False}], True),
        ([{}, {"cordoned": True}], False),
        ([{"cordoned": True}, {}], False),
        ([{}], False),
    ],
)
def test_no_pod_for_a_closed_node(states: list[dict[str, bool]], *, closed: bool) -> None:
    """I13: a node that was closed a second ago may still be chosen; one that has long been closed may not."""
    history = History().task("PENDING")
    history.pod("Pending", type_="ADDED", node="kwok-1", after=100)
    seen = tuple(node("kwok-1", 0, 98.0 + number, **state) for number, state in enumerate(states))
    assert ("I13" in broken(history, Facts(created=frozenset({TASK_UID}), nodes=seen))) is closed


def test_metrics_are_compared() -> None:
    """I14: a gauge that is off by one Task is told, zeros aside."""
    right = Facts(created=frozenset({TASK_UID}), metrics={"SUCCESS": 1, "PENDING": 0})
    wrong = Facts(created=frozenset({TASK_UID}), metrics={"SUCCESS": 2})
    assert broken(good(), right) == set()
    assert broken(good(), wrong) == {"I14"}


def test_none_is_left_out() -> None:
    """Every invariant of the battery has a history above that it fails on."""
    told = {"I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11", "I12", "I13", "I14"}
    assert set(CHECKS) == told


def test_a_failure_that_a_rule_ignores_is_no_failure() -> None:
    """It counts as a disruption, by the first rule that is about its exit code; any other is a failure as ever."""
    rules = [{"exitCodes": [3], "action": "Retry"}, {"exitCodes": [3, 7], "action": "Ignore"}]
    spec = {"retry": {"rules": rules}}

    def ends(code: int, **counted: Any) -> set[str]:
        history = History().task("PENDING", spec=spec).task("ASSIGNED", attempt=1, spec=spec)
        history.pod("Running", type_="ADDED").task("RUNNING", attempt=1, spec=spec)
        history.pod("Failed", containerStatuses=[{"state": {"terminated": {"exitCode": code}}}])
        return broken(history.task("PENDING", attempt=1, spec=spec, **counted))

    assert ends(7, disruptions=1) == set()
    assert "I9" in ends(7, failures=1)
    assert "I9" in ends(3, disruptions=1)
    assert ends(3, failures=1) == set()
