"""One Task's decisions: what follows from each view, and that no path leaves the table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.api import convert
from loadstar.core.instructions import (
    ConfirmPod,
    CreatePod,
    DeletePod,
    DeleteTask,
    Emit,
    Expire,
    RefreshTask,
    RequestPlacement,
    Requeue,
    Wait,
    WriteStatus,
)
from loadstar.core.model import Attempt, Phase, Pod, PodRetention, Retry, TaskStatus
from loadstar.core.placement import Decision, Unplaced
from loadstar.core.reasons import Reason
from loadstar.core.rules import RULED, Action, EndRule
from loadstar.core.states import State
from loadstar.core.steps import times_in_vain, tried_in_vain
from loadstar.core.view import NodeState, Refusal
from tests.unit.core.builders import NOW, pod, task
from tests.unit.core.decisions import ASSIGNED, PLACED, RUNNING, SUCCESS, decide, written


def test_pending_asks_for_a_node() -> None:
    """A new Task takes part in the next placement cycle and writes nothing."""
    assert decide(task()) == (RequestPlacement(),)


def test_pending_without_a_node_keeps_asking_and_says_why() -> None:
    """A Task that cannot be placed waits with the placement's own reason."""
    none = Unplaced(Reason.WAITING_FOR_CAPACITY, "0/1 nodes: …")
    assert decide(task(), decision=none) == (RequestPlacement(), Wait(none.reason, none.message))


def test_the_assignment_is_one_write() -> None:
    """ASSIGNED opens the next attempt: node, Pod name and conditions in one write."""
    status = written(decide(task(), decision=PLACED))
    assert (status.state, status.attempt, status.assigned_to, status.pod) == (State.ASSIGNED, 1, "a", "t-01234-0-1")
    assert {c.type: c.status for c in status.conditions}["Scheduled"] == "True"


def test_assigned_creates_the_pod_it_does_not_see() -> None:
    """After a crash between the write and the Pod, the Pod of that attempt is created under its fixed name."""
    assert decide(task(ASSIGNED)) == (CreatePod(1, "a"),)


def test_a_running_pod_makes_the_task_running() -> None:
    """RUNNING carries the node that was bound."""
    status = written(decide(task(ASSIGNED), pod(Phase.RUNNING, node="b", started=NOW - 1)))
    assert (status.state, status.assigned_to, status.started) == (State.RUNNING, "b", NOW - 1)


def test_a_pod_that_ended_unseen_is_running_first() -> None:
    """The path is complete even when the end came before the start was seen."""
    ended = pod(Phase.SUCCEEDED, started=NOW - 2, finished=NOW - 1, exit_code=0)
    assert written(decide(task(ASSIGNED), ended)).state is State.RUNNING
    done = written(decide(task(RUNNING), ended))
    assert (done.state, done.parts, done.completed, done.exit_code) == (State.SUCCESS, "1/1", NOW - 1, 0)


def test_failures_are_retried_with_growing_waits_until_the_limit() -> None:
    """Each failure spends one of retry.limit; the last one is FAILED with an Event."""
    failed = pod(Phase.FAILED, started=NOW - 2, finished=NOW - 1, exit_code=3, end_reason="Error")
    again = decide(task(RUNNING, retry=Retry(limit=1)), failed)
    assert (written(again).state, written(again).failures) == (State.PENDING, 1)
    assert NOW + 1.6 <= (written(again).not_before or 0) <= NOW + 3
    assert isinstance(again[1], Emit)
    last = decide(task(replace(RUNNING, failures=1), retry=Retry(limit=1)), failed)
    assert (written(last).state, written(last).reason) == (State.FAILED, Reason.WORKER_FAILED)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"disruption": "EvictionByEvictionAPI", "exit_code": 137}, Reason.DISRUPTED),
        ({"deleting": True, "exit_code": 143}, Reason.DISRUPTED),
        ({"end_reason": "NodeAffinity", "started": None}, Reason.NODE_REFUSED),
        ({"phase": Phase.RUNNING, "gone": True, "confirmed": True}, Reason.POD_LOST),
        ({"phase": Phase.RUNNING, "expunged": True, "deleting": True}, Reason.DISRUPTED),
    ],
)
def test_disruptions_are_free(fields: dict[str, Any], reason: Reason) -> None:
    """What the Task is not to blame for spends no attempt, even with retry.limit 0."""
    ended = replace(pod(Phase.FAILED, started=NOW - 2), **fields)
    status = written(decide(task(RUNNING, retry=Retry(limit=0)), ended))
    assert (status.state, status.reason) == (State.PENDING, reason)
    assert (status.failures, status.disruptions) == (0, 1)


def test_an_out_of_memory_kill_is_the_tasks_own() -> None:
    """OOMKilled has its own reason and spends an attempt."""
    killed = pod(Phase.FAILED, started=NOW - 2, exit_code=137, end_reason="OOMKilled")
    assert written(decide(task(RUNNING, retry=Retry(limit=0)), killed)).reason is Reason.OOM_KILLED


def test_the_deadline_is_final() -> None:
    """A Pod past its deadline fails the Task whatever attempts are left."""
    late = pod(Phase.FAILED, started=NOW - 9, exit_code=137, end_reason="DeadlineExceeded")
    status = written(decide(task(RUNNING), late))
    assert (status.state, status.reason) == (State.FAILED, Reason.DEADLINE_EXCEEDED)


def test_a_missing_pod_is_confirmed_before_it_is_believed() -> None:
    """RUNNING without a Pod may be a watch that lags: the Pod is read live first."""
    assert decide(task(RUNNING)) == (ConfirmPod("t-01234-0-1", 1),)


def test_a_pod_from_the_future_means_an_old_view() -> None:
    """A Pod of a later attempt than the status knows is never deleted: the Task is read anew."""
    late = pod(Phase.RUNNING)
    assert decide(task(), late)[0] == RefreshTask((late,))


REFUSED = TaskStatus(
    reason=Reason.POD_CREATE_FORBIDDEN,
    not_before=NOW + 30,
    attempts=(Attempt(1, "b", "t-01234-0-1", Reason.POD_CREATE_FORBIDDEN, None, NOW - 5, None, "quota"),),
)


@pytest.mark.parametrize(
    "late",
    [
        pod(node=""),
        pod(Phase.RUNNING, started=NOW - 2),
        pod(Phase.SUCCEEDED, started=NOW - 2, finished=NOW - 1, exit_code=0),
        pod(Phase.RUNNING, started=NOW - 2, gone=True),
    ],
    ids=["unbound", "running", "succeeded", "gone"],
)
@pytest.mark.parametrize("stop", [{}, {"cancel": True}, {"suspend": True}], ids=["go", "cancel", "suspend"])
def test_a_pod_that_was_made_after_its_refusal_is_taken_up(late: Pod, stop: dict[str, bool]) -> None:
    """A refusal gave the attempt's number back; the Pod of that number is the attempt, and is not waited for."""
    status = written(decide(task(REFUSED, **stop), late))
    assert (status.state, status.attempt, status.pod) == (State.ASSIGNED, 1, late.name)
    assert status.assigned_to == (late.node or "b")
    assert status.not_before is None


def test_only_a_number_that_was_given_back_is_taken_up() -> None:
    """A Pod beyond the refused number tells that the status is old."""
    beyond = pod(Phase.RUNNING, attempt=2, name="t-01234-0-2")
    assert decide(task(REFUSED), beyond)[0] == RefreshTask((beyond,))


def test_a_pod_whose_task_was_read_is_not_read_about_again() -> None:
    """Where the record of the refusal was lost, the Task that was read after the Pod says the same: it is taken up.

    One that no next attempt can be is deleted, also when it has ended, for a later attempt has its name.
    """
    late = pod(node="", named=("c", "d"), disowned=True)
    status = written(decide(task(), late))
    assert (status.state, status.attempt, status.pod, status.assigned_to) == (State.ASSIGNED, 1, late.name, "c")
    for of, phase in ((task(), Phase.RUNNING), (task(), Phase.FAILED), (task(RUNNING), Phase.RUNNING)):
        beyond = pod(phase, attempt=7, name="t-01234-0-7", uid="pod-7", disowned=True)
        found = decide(of, beyond)
        assert found[0] == DeletePod(beyond)
        assert not any(isinstance(item, RefreshTask | WriteStatus) for item in found)


def test_a_pod_beyond_the_end_is_a_stray() -> None:
    """After a final state no attempt is opened: a live Pod of a later number is deleted."""
    ended = TaskStatus(state=State.FAILED, reason=Reason.CANCELLED, attempt=0, completed=NOW - 1)
    late = pod(Phase.RUNNING, started=NOW - 2)
    assert DeletePod(late) in decide(task(ended), late)


def test_a_pod_that_is_not_bound_is_given_up_after_a_while() -> None:
    """A pinned Pod that kube-scheduler refuses to bind is deleted after 20 s; before, and while it is silent, not."""
    said = "0/3 nodes are available"
    assert Requeue(15.0) in decide(task(ASSIGNED), pod(node="", unschedulable=said))
    old = pod(node="", created=NOW - 21, unschedulable=said)
    assert decide(task(ASSIGNED), old)[0] == DeletePod(old)
    (only,) = decide(task(ASSIGNED), replace(old, unschedulable=""))
    assert isinstance(only, Wait)


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [
        ("ErrImagePull", Reason.IMAGE_PROBLEM),
        ("CreateContainerConfigError", Reason.MISCONFIGURED),
        ("", Reason.NODE_CHOSEN),
    ],
)
def test_a_container_that_does_not_start_says_why(waiting: str, reason: Reason) -> None:
    """The kubelet's word for the trouble becomes one of ours."""
    (only,) = decide(task(ASSIGNED), pod(waiting_reason=waiting))
    assert isinstance(only, Wait)
    assert only.reason == reason


def test_a_refused_pod_goes_back_without_spending_an_attempt() -> None:
    """A quota's refusal is waited out, longer each time; a Pod that can never be fails the Task."""
    status = written(decide(task(ASSIGNED), refusal=Refusal(1, invalid=False, message="exceeded quota")))
    assert (status.state, status.attempt, status.not_before) == (State.PENDING, 0, NOW + 5)
    second = replace(status, state=State.ASSIGNED, attempt=1)
    again = written(decide(task(second), refusal=Refusal(1, invalid=False, message="exceeded quota")))
    assert again.not_before == NOW + 10
    invalid = written(decide(task(ASSIGNED), refusal=Refusal(1, invalid=True, message="no")))
    assert (invalid.state, invalid.reason) == (State.FAILED, Reason.POD_INVALID)


def test_finished_tasks_rest_until_their_time_to_live() -> None:
    """A finished Task does nothing, and is deleted when its time is over."""
    assert decide(task(SUCCESS)) == ()
    assert decide(task(SUCCESS, ttl_seconds=11)) == (Expire(10.0),)
    assert decide(task(SUCCESS, ttl_seconds=1)) == (DeleteTask(),)


def test_a_task_without_a_worker_waits_and_names_the_types() -> None:
    """No worker and no type that has one: the wait says which types there are."""
    (only,) = decide(task(worker=None, type="x"))
    assert isinstance(only, Wait)
    assert only.reason == Reason.NO_WORKER_FOR_TYPE


def test_a_pod_that_no_node_took_is_not_counted_as_a_disruption() -> None:
    """NeverBound spends neither an attempt nor a disruption: nothing ran."""
    unbound = pod(Phase.PENDING, gone=True, confirmed=True, node="", started=None)
    status = written(decide(task(ASSIGNED, retry=Retry(disruption_limit=0)), unbound))
    assert (status.state, status.reason) == (State.PENDING, Reason.NEVER_BOUND)
    assert (status.failures, status.disruptions) == (0, 0)


def test_too_many_disruptions_end_the_task() -> None:
    """The disruption after retry.disruptionLimit fails the Task and says so."""
    evicted = pod(Phase.FAILED, started=NOW - 2, exit_code=137, disruption="EvictionByEvictionAPI")
    status = written(decide(task(replace(RUNNING, disruptions=2), retry=Retry(disruption_limit=2)), evicted))
    assert (status.state, status.reason, status.disruptions) == (State.FAILED, Reason.DISRUPTION_LIMIT_EXCEEDED, 3)


def test_its_own_storage_limit_is_the_tasks_fault() -> None:
    """An eviction for the Pod's own ephemeral-storage limit is a failure; node pressure is a disruption."""
    own = pod(Phase.FAILED, started=NOW - 2, end_reason="Evicted", end_message='EmptyDir volume "x" exceeds the limit')
    assert written(decide(task(RUNNING), own)).failures == 1
    pressure = replace(own, disruption="TerminationByKubelet")
    assert written(decide(task(RUNNING), pressure)).failures == 0


PODS = st.builds(
    pod,
    phase=st.sampled_from(Phase),
    attempt=st.integers(0, 3),
    node=st.sampled_from(["", "a"]),
    deleting=st.booleans(),
    gone=st.booleans(),
    confirmed=st.booleans(),
    expunged=st.booleans(),
    tracked=st.booleans(),
    altered=st.booleans(),
    started=st.one_of(st.none(), st.just(NOW - 3)),
    finished=st.one_of(st.none(), st.just(NOW - 1)),
    exit_code=st.one_of(st.none(), st.integers(0, 255)),
    end_reason=st.sampled_from(["", "Error", "OOMKilled", "Evicted", "DeadlineExceeded", "StartError"]),
    disruption=st.sampled_from(["", "DeletionByTaintManager"]),
    uid=st.uuids().map(str),
)
STOPS = ["", Reason.CANCELLED, Reason.SUSPENDED, Reason.NODE_LOST, Reason.PENDING_DEADLINE_EXCEEDED, Reason.PREEMPTED]
STATUSES = st.builds(
    lambda state, attempt, failures, stopping: replace(
        ASSIGNED, state=state, attempt=attempt, failures=failures, stopping=stopping
    ),
    st.sampled_from(State),
    st.integers(0, 2),
    st.integers(0, 5),
    st.sampled_from(STOPS),
)
RULES = st.builds(
    EndRule,
    st.sampled_from(Action),
    st.lists(st.integers(1, 255), max_size=2).map(tuple),
    st.lists(st.sampled_from(RULED), max_size=3).map(tuple),
    st.sampled_from([1.0, 1.5, 8.0]),
)
SPECS = st.fixed_dictionaries(
    {
        "cancel": st.booleans(),
        "suspend": st.booleans(),
        "pending_seconds": st.sampled_from([None, 1, 100]),
        "pod_retention": st.sampled_from(PodRetention),
        "retry": st.builds(
            Retry, limit=st.integers(0, 2), replace_after=st.sampled_from([None, 30]), rules=st.lists(RULES).map(tuple)
        ),
    }
)


@given(
    STATUSES,
    SPECS,
    st.lists(PODS, max_size=3),
    st.sampled_from([None, PLACED]),
    st.sampled_from(NodeState),
    st.sampled_from(["", "ns/high of priority 900"]),
)
def test_no_view_breaks_the_rules(
    status: TaskStatus,
    spec: dict[str, Any],
    pods: list[Pod],
    decision: Decision | None,
    node: NodeState,
    preemptor: str,
) -> None:
    """Whatever is seen: no exception, no illegal edge, no second Pod beside a live one, no end beside a live one."""
    live = [item for item in pods if not item.ended]
    seen: dict[str, Any] = {"decision": decision, "node_state": node, "node_since": NOW - 50, "preemptor": preemptor}
    for item in decide(task(status, **spec), *pods, **seen):
        if isinstance(item, WriteStatus) and item.status.state.terminal:
            assert not live
        if isinstance(item, CreatePod):
            assert not live


def test_all_nodes_that_were_named_are_avoided_next_time() -> None:
    """A Pod that named three nodes and was bound to none spends no attempt, and none of the three is tried next."""
    unbound = pod(gone=True, confirmed=True, node="", named=("a", "b", "c"), unschedulable="0/3 nodes")
    status = written(decide(task(ASSIGNED), unbound))
    assert (status.state, status.attempts[-1].node, status.attempts[-1].others) == (State.PENDING, "a", ("b", "c"))
    assert tried_in_vain(status) == ("a", "b", "c")
    assert times_in_vain(status) == 1
    assert convert.status(convert.status_document(status)).attempts[-1].others == ("b", "c")
