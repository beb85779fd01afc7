"""What cuts an attempt or a wait short, and that no crash in between loses why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadstar.core.instructions import (
    ConfirmPod,
    DeletePod,
    Emit,
    RequestPlacement,
    Requeue,
    Wait,
    WriteStatus,
)
from loadstar.core.model import Phase, Retry, TaskStatus
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from loadstar.core.stops import preempted_for
from loadstar.core.view import NodeState
from tests.unit.core.builders import NOW, pod, task
from tests.unit.core.decisions import ASSIGNED, PLACED, RUNNING, decide, written


@pytest.mark.parametrize(
    ("asked", "reason", "after"),
    [
        ({"cancel": True}, Reason.CANCELLED, State.FAILED),
        ({"suspend": True}, Reason.SUSPENDED, State.PENDING),
        ({"cancel": True, "suspend": True}, Reason.CANCELLED, State.FAILED),
    ],
)
def test_a_running_task_is_stopped_in_two_steps(asked: dict[str, Any], reason: Reason, after: State) -> None:
    """First the reason is written, then the Pod is ended as it was seen, then its end is read in that light."""
    live = pod(Phase.RUNNING, started=NOW - 3)
    stopping = written(decide(task(RUNNING, **asked), live))
    assert (stopping.state, stopping.stopping) == (State.RUNNING, reason)
    assert decide(task(stopping), live)[0] == DeletePod(live)
    waits = decide(task(stopping), replace(live, deleting=True))
    assert isinstance(waits[0], Wait)
    ended = replace(live, deleting=True, phase=Phase.FAILED, exit_code=143)
    status = written(decide(task(stopping), ended))
    assert (status.state, status.reason, status.stopping) == (after, reason, "")
    assert (status.failures, status.disruptions) == (0, 0)
    assert status.attempts[-1].reason == reason


def test_work_that_was_done_before_the_stop_counts() -> None:
    """A Pod that succeeded before it was deleted is a success, one that ended well because of SIGTERM is not."""
    stopping = replace(RUNNING, stopping=Reason.CANCELLED)
    done = pod(Phase.SUCCEEDED, started=NOW - 3, exit_code=0)
    assert written(decide(task(stopping, cancel=True), done)).state is State.SUCCESS
    assert written(decide(task(stopping, cancel=True), replace(done, deleting=True))).state is State.FAILED


def test_an_attempt_without_a_pod_is_stopped_only_when_that_is_certain() -> None:
    """Between the assignment and its Pod a stop is written first, and then the Pod is looked for live."""
    stopping = written(decide(task(ASSIGNED, suspend=True)))
    assert stopping.stopping == Reason.SUSPENDED
    assert decide(task(stopping)) == (ConfirmPod("t-01234-0-1", 1),)


def test_a_waiting_task_is_cancelled_or_suspended_by_one_write() -> None:
    """PENDING has no Pod to end; a suspended Task then rests, and resumes with a wait that begins anew."""
    assert written(decide(task(cancel=True), decision=PLACED)).reason == Reason.CANCELLED
    suspended = written(decide(task(suspend=True), decision=PLACED))
    assert (suspended.state, suspended.reason) == (State.PENDING, Reason.SUSPENDED)
    assert {c.type: c.status for c in suspended.conditions}["Suspended"] == "True"
    assert decide(task(suspended, suspend=True)) == ()
    resumed = written(decide(task(suspended)))
    assert (resumed.reason, resumed.waiting) == (Reason.QUEUED, NOW)
    assert {c.type: c.status for c in resumed.conditions}["Suspended"] == "False"


def test_waiting_has_an_end() -> None:
    """timeouts.pendingSeconds ends a wait, also one for a container that never starts; not a running one."""
    assert decide(task(pending_seconds=15)) == (RequestPlacement(), Requeue(5.0))
    assert written(decide(task(pending_seconds=9))).reason == Reason.PENDING_DEADLINE_EXCEEDED
    assert decide(task(replace(TaskStatus(), waiting=NOW - 1), pending_seconds=9))[0] == RequestPlacement()
    stopping = written(decide(task(ASSIGNED, pending_seconds=9), pod(waiting_reason="ErrImagePull")))
    assert stopping.stopping == Reason.PENDING_DEADLINE_EXCEEDED
    assert not isinstance(decide(task(RUNNING, pending_seconds=9), pod(Phase.RUNNING))[0], WriteStatus)


def test_a_lost_node_is_waited_for_unless_the_user_says_otherwise() -> None:
    """A Pod on a node that does not answer may still run: it is replaced only where its user allows that."""
    live = pod(Phase.RUNNING, started=NOW - 3)
    lost: dict[str, Any] = {"node_state": NodeState.NOT_READY, "node_since": NOW - 40}
    (only,) = decide(task(RUNNING), live, **lost)
    assert isinstance(only, Wait)
    assert only.reason == Reason.NODE_LOST
    assert Requeue(20.0) in decide(task(RUNNING, retry=Retry(replace_after=60)), live, **lost)
    stopping = written(decide(task(RUNNING, retry=Retry(replace_after=30)), live, **lost))
    assert stopping.stopping == Reason.NODE_LOST
    assert decide(task(stopping), live, **lost) == (DeletePod(live, force=True),)
    gone = replace(live, gone=True, confirmed=True)
    again = written(decide(task(stopping), gone, **lost))
    assert (again.state, again.reason, again.disruptions) == (State.PENDING, Reason.NODE_LOST, 1)


def test_making_room_is_free_and_says_for_whom() -> None:
    """It is on record before the Pod goes, so no crash makes a disruption of it; the counter alone moves."""
    live = pod(Phase.RUNNING, started=NOW - 3)
    found = decide(task(RUNNING), live, preemptor="ns/high of priority 900")
    stopping = written(found)
    assert (stopping.state, stopping.stopping) == (State.RUNNING, Reason.PREEMPTED)
    assert stopping.message == "stopped to make room for ns/high of priority 900: attempt 1 is being ended"
    assert found[1] == Emit("Preempted", "attempt 1 stopped to make room for ns/high of priority 900")
    assert preempted_for(task(stopping)) == ("ns", "high")
    assert decide(task(stopping), live)[0] == DeletePod(live), "also when nobody remembers for whom"
    ended = replace(live, deleting=True, phase=Phase.FAILED, exit_code=143)
    status = written(decide(task(stopping, retry=Retry(limit=0, disruption_limit=0)), ended))
    assert (status.state, status.reason, status.preemptions) == (State.PENDING, Reason.PREEMPTED, 1)
    assert (status.failures, status.disruptions, status.not_before) == (0, 0, None)
    assert preempted_for(task(status)) == ("ns", "high")
    assert preempted_for(task()) is None
    done = pod(Phase.SUCCEEDED, started=NOW - 3, exit_code=0)
    assert written(decide(task(stopping), done)).state is State.SUCCESS


def test_what_its_user_wants_comes_before_what_others_need() -> None:
    """A Task that is cancelled is cancelled, not preempted; one that is being stopped already is left to that."""
    live = pod(Phase.RUNNING, started=NOW - 3)
    assert written(decide(task(RUNNING, cancel=True), live, preemptor="x")).stopping == Reason.CANCELLED
    suspended = replace(RUNNING, stopping=Reason.SUSPENDED)
    assert decide(task(suspended), live, preemptor="x")[0] == DeletePod(live)
