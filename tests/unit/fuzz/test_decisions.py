"""One Task in any situation: a decision is always made, always the same, and never against the table of states."""

from __future__ import annotations

import hypothesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadstar.api import convert
from loadstar.api.convert import MOST_ATTEMPTS
from loadstar.api.times import EARLIEST, LATEST
from loadstar.core.instructions import DeletePod, Requeue, WriteStatus
from loadstar.core.model import (
    Attempt,
    Backoff,
    Condition,
    Phase,
    Placement,
    Pod,
    PodRetention,
    Retry,
    Strategy,
    Task,
    TaskStatus,
)
from loadstar.core.placement import Decision, Placed, Unplaced
from loadstar.core.policy import Policy
from loadstar.core.reasons import Reason
from loadstar.core.reconcile import reconcile
from loadstar.core.states import State, guard
from loadstar.core.stops import MESSAGES
from loadstar.core.view import NodeState, Refusal, View
from tests.unit.core.builders import NOW, pod, task, worker

FAST = settings(
    max_examples=100,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MOST = 2**31 - 1
NUMBERS = st.sampled_from([0, 1, 2, 3, 99, MOST_ATTEMPTS - 1, MOST_ATTEMPTS])
COUNTS = st.sampled_from([0, 1, 2, 3, 99, 10**9, MOST - 1, MOST])
TIMES = st.none() | st.sampled_from(
    [0.0, NOW - 100, NOW - 5, NOW, NOW + 5, NOW + 10**6, float(LATEST), float(EARLIEST)]
)
TEXTS = st.sampled_from(["", "a", "x" * 2000, "é\u0000"])
REASONS = st.sampled_from([*Reason, "Nonsense", ""])

ATTEMPTS = st.lists(
    st.builds(
        Attempt,
        NUMBERS,
        TEXTS,
        TEXTS,
        st.sampled_from(list(Reason)),
        TIMES,
        TIMES,
        st.none() | st.integers(-5, 255),
        TEXTS,
    ),
    max_size=5,
).map(tuple)
CONDITIONS = st.lists(
    st.builds(Condition, st.sampled_from(["Succeeded", "X"]), st.just("True"), TEXTS, TEXTS, st.just(NOW)),
    max_size=3,
).map(tuple)
STATUSES = st.builds(
    TaskStatus,
    state=st.sampled_from(State),
    reason=REASONS,
    message=TEXTS,
    observed_generation=COUNTS,
    assigned_to=st.sampled_from(["", "a", "gone"]),
    attempt=NUMBERS,
    pod=st.sampled_from(["", "t-01234-0-1", "x"]),
    assigned=TIMES,
    started=TIMES,
    completed=TIMES,
    failures=COUNTS,
    disruptions=COUNTS,
    preemptions=COUNTS,
    not_before=TIMES,
    waiting=TIMES,
    stopping=st.sampled_from(["", "", *MESSAGES]),
    attempts=ATTEMPTS,
    conditions=CONDITIONS,
)
TASKS: st.SearchStrategy[Task] = st.builds(
    task,
    STATUSES,
    worker=st.sampled_from([None, worker()]),
    type=st.sampled_from(["", "image"]),
    placement=st.sampled_from([Placement(), Placement(Strategy.KUBE_SCHEDULER)]),
    retry=st.builds(Retry, COUNTS, st.builds(Backoff, st.sampled_from([1.0, 3600.0]), st.sampled_from([1.0, 10.0]))),
    run_seconds=st.none() | COUNTS,
    ttl_seconds=st.none() | COUNTS,
    pending_seconds=st.none() | COUNTS,
    pod_retention=st.sampled_from(PodRetention),
    cancel=st.sampled_from([False, False, True]),
    suspend=st.sampled_from([False, False, True]),
    deleting=st.sampled_from([False, False, False, True]),
)
PODS: st.SearchStrategy[Pod] = st.builds(
    lambda phase, number, **fields: pod(phase, uid=f"pod-{number}", **fields),
    st.sampled_from(Phase),
    st.integers(1, 4),
    attempt=NUMBERS,
    node=st.sampled_from(["", "a"]),
    deleting=st.booleans(),
    gone=st.sampled_from([False, False, True]),
    confirmed=st.booleans(),
    expunged=st.sampled_from([False, False, True]),
    tracked=st.booleans(),
    altered=st.sampled_from([False, False, True]),
    started=TIMES,
    finished=TIMES,
    exit_code=st.none() | st.sampled_from([0, 1, 137]),
    end_reason=st.sampled_from(["", "OOMKilled", "Evicted", "DeadlineExceeded", "StartError", "x" * 600]),
    disruption=st.sampled_from(["", "EvictionByEvictionAPI"]),
    waiting_reason=st.sampled_from(["", "ErrImagePull", "CreateContainerError"]),
    unschedulable=TEXTS,
)
DECISIONS: st.SearchStrategy[Decision | None] = st.sampled_from(
    [
        None,
        Placed("a", None, (), "a is best", fresh=True),
        Placed(None, None, (), "left to kube-scheduler", fresh=False),
        Unplaced(Reason.WAITING_FOR_CAPACITY, "0/1 nodes"),
    ]
)
REFUSALS = st.none() | st.builds(Refusal, COUNTS, st.booleans(), TEXTS)
VIEWS = st.builds(
    View,
    TASKS,
    st.just(Policy()),
    st.lists(PODS, max_size=3).map(tuple),
    DECISIONS,
    REFUSALS,
    st.sampled_from(NodeState),
    TIMES,
)


@FAST
@given(VIEWS)
def test_every_view_has_a_decision(view: View) -> None:
    """No view is too odd: the same instructions each time, along the table, out of no final state, and writable."""
    instructions = reconcile(view, NOW)
    assert reconcile(view, NOW) == instructions
    old = view.task.status
    for instruction in instructions:
        if isinstance(instruction, WriteStatus):
            assert guard(old.state, instruction.status.state) is instruction.status.state
            assert not old.state.terminal
            document = convert.status_document(instruction.status)
            assert convert.status_document(convert.status(document)) == document
        if isinstance(instruction, Requeue):
            assert instruction.seconds > 0
        if isinstance(instruction, DeletePod):
            assert not instruction.pod.gone
    assert sum(isinstance(item, WriteStatus) for item in instructions) <= 1


@FAST
@given(VIEWS)
def test_what_is_written_counts_on(view: View) -> None:
    """A written status never counts attempts, failures or disruptions back by more than a refused Pod's one attempt."""
    old = view.task.status
    for instruction in reconcile(view, NOW):
        if isinstance(instruction, WriteStatus):
            new = instruction.status
            assert old.attempt - 1 <= new.attempt <= old.attempt + 1
            assert old.failures <= new.failures <= old.failures + 1
            assert old.disruptions <= new.disruptions <= old.disruptions + 1
            assert max(new.attempt, new.failures, new.disruptions) <= MOST, "more than the schema lets be written"
