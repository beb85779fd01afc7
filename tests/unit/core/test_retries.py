"""What follows after an attempt without success: the rule, the wait, the memory, the nodes that are tried last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.api import convert
from loadstar.core.instructions import Emit
from loadstar.core.model import Attempt, Backoff, Phase, Pod, Retry, Task, TaskStatus
from loadstar.core.policy import Policy
from loadstar.core.reasons import Reason
from loadstar.core.resources import Resources, grown
from loadstar.core.retries import JITTER, back_off, failed_on, more_memory
from loadstar.core.rules import MOST_GROWTH, Action, EndRule
from loadstar.core.states import State
from loadstar.core.template import resolve
from tests.unit.core.builders import NOW, pod, task, worker
from tests.unit.core.decisions import PLACED, RUNNING, decide, written

MI = 2**20
FAILED = pod(Phase.FAILED, started=NOW - 2, finished=NOW - 1, exit_code=3, end_reason="Error")
KILLED = replace(FAILED, exit_code=137, end_reason="OOMKilled")
LATE = replace(FAILED, exit_code=143, end_reason="DeadlineExceeded")
EVICTED = replace(FAILED, exit_code=137, disruption="EvictionByEvictionAPI")
LOST = pod(Phase.RUNNING, gone=True, confirmed=True)


def ruled(*rules: EndRule, status: TaskStatus = RUNNING, **fields: Any) -> Task:
    return task(status, retry=Retry(rules=rules, **fields))


def test_fail_ends_at_once_and_names_the_rule() -> None:
    """Whatever attempts are left; the reason stays how it ended, the message says which rule and what it says."""
    own = ruled(EndRule(Action.RETRY, (7,)), EndRule(Action.FAIL, (3, 4)))
    instructions = decide(own, FAILED)
    status = written(instructions)
    assert (status.state, status.reason, status.failures) == (State.FAILED, Reason.WORKER_FAILED, 1)
    assert status.message == "retry.rules[1] (exitCodes 3, 4: Fail): exit code 3"
    assert isinstance(instructions[1], Emit)


def test_ignore_spends_no_attempt_and_is_bounded() -> None:
    """It counts towards disruptionLimit, waits by backoff, longer each time, and ends the Task in the end."""
    own = ruled(EndRule(Action.IGNORE, (3,)), limit=0, disruption_limit=4)
    waits = []
    for disruptions in range(1, 5):
        status = written(decide(own, FAILED))
        assert (status.state, status.reason, status.failures) == (State.PENDING, Reason.BACKING_OFF, 0)
        assert status.disruptions == disruptions
        assert "retry.rules[0] (exitCodes 3: Ignore)" in status.message
        waits.append((status.not_before or 0) - NOW)
        own = replace(own, status=replace(RUNNING, disruptions=disruptions, attempts=status.attempts))
    assert waits == sorted(waits)
    assert waits[-1] >= 8
    last = written(decide(own, FAILED))
    assert (last.state, last.reason, last.disruptions) == (State.FAILED, Reason.DISRUPTION_LIMIT_EXCEEDED, 5)


@pytest.mark.parametrize(
    ("ended", "reason"),
    [(LATE, Reason.DEADLINE_EXCEEDED), (EVICTED, Reason.DISRUPTED), (LOST, Reason.POD_LOST), (FAILED, "WorkerFailed")],
)
@pytest.mark.parametrize("action", Action)
def test_every_end_can_be_ruled(ended: Pod, reason: str, action: Action) -> None:
    """Fail ends it, Retry spends an attempt, Ignore spends none, whatever usually follows such an end."""
    status = written(decide(ruled(EndRule(action, reasons=(reason,))), ended))
    expected = {Action.FAIL: (State.FAILED, 1, 0), Action.RETRY: (State.PENDING, 1, 0)}
    assert (status.state, status.failures, status.disruptions) == expected.get(action, (State.PENDING, 0, 1))
    assert status.attempts[-1].reason == reason


def test_without_a_rule_all_is_as_usual() -> None:
    """A rule that does not hold changes nothing."""
    other = EndRule(Action.FAIL, (99,))
    for ended in (FAILED, KILLED, LATE, EVICTED, LOST):
        assert decide(ruled(other), ended) == decide(ruled(), ended)


def test_an_ignored_disruption_is_free_and_instant_as_any() -> None:
    """Ignore is what usually follows a disruption: no wait, no attempt."""
    assert decide(ruled(EndRule(Action.IGNORE, reasons=("Disrupted",))), EVICTED) == decide(ruled(), EVICTED)
    assert written(decide(ruled(), EVICTED)).not_before is None


def test_memory_grows_after_each_kill_and_survives_a_crash() -> None:
    """The factor is in the same write that closes the attempt; the next one asks for it, request and limit alike."""
    rule = EndRule(Action.RETRY, reasons=("OOMKilled",), memory_factor=1.5)
    own = ruled(rule, limit=9)
    first = written(decide(own, KILLED))
    assert first.resources == Resources(memory_factor=1.5)
    assert "with 1.5 times the memory that is declared" in first.message
    reread = convert.status(convert.status_document(first))
    assert reread.resources == first.resources
    assigned = written(decide(replace(own, status=replace(reread, not_before=None)), decision=PLACED))
    assert assigned.resources is not None
    assert assigned.resources.requested == {"cpu": 100, "memory": 96 * MI}
    assert not assigned.resources.learned
    template = resolve(replace(own, worker=replace(worker(), limit=100 * MI), status=assigned), Policy())
    assert template is not None
    assert (template.requests["memory"], template.limit) == (96 * MI, 150 * MI)
    again = replace(own, status=replace(RUNNING, attempts=first.attempts, resources=assigned.resources))
    second = written(decide(again, KILLED)).resources
    assert second is not None
    assert second.memory_factor == 2.25
    plain = written(decide(again, FAILED)).resources
    assert plain is not None
    assert plain.memory_factor == 1.5


@given(st.lists(st.floats(1.01, 8), max_size=12), st.integers(1, 2**50))
def test_memory_grows_within_its_bound(factors: list[float], memory: int) -> None:
    """Never less than before, never more than eight times and a MiB, however many kills."""
    status, last = TaskStatus(), 1.0
    for factor in factors:
        now = more_memory(status, factor)
        assert last <= now <= MOST_GROWTH
        status, last = replace(status, resources=Resources(memory_factor=now)), now
    assert memory <= grown(memory, last) <= MOST_GROWTH * memory + MI


def test_the_wait_grows_to_its_maximum() -> None:
    """By the factor after each failure, and never beyond, however many there are."""
    own = task(retry=Retry(backoff=Backoff(2, 3, 120)))
    found = [back_off(own, n) for n in (1, 2, 3, 4, 5, 500)]
    for wait, middle in zip(found, (2, 6, 18, 54, 100, 100), strict=True):
        assert middle * (1 - JITTER) <= wait <= min(120, middle * (1 + JITTER))


@given(st.integers(1, 200), st.floats(1, 3600), st.floats(1, 10), st.floats(0, 80_000), st.uuids(), st.integers(1, 999))
def test_waits_are_bounded_and_the_same_for_whoever_asks(
    failures: int, initial: float, factor: float, more: float, uid: object, attempt: int
) -> None:
    """At most the maximum, jitter included; a function of the Task and the attempt."""
    policy = Backoff(initial, factor, initial + more)
    own = task(TaskStatus(attempt=attempt), uid=str(uid), retry=Retry(backoff=policy))
    wait = back_off(own, failures)
    assert 0 < wait <= policy.max_seconds * 1.000001
    assert wait == back_off(replace(own, resource_version="99"), failures)


def test_tasks_that_failed_together_come_back_apart() -> None:
    """The jitter spreads a hundred Tasks over its whole width, also where their waits are at the maximum."""
    for policy, failures in ((Backoff(100, 2, 1000), 1), (Backoff(100, 2, 120), 9)):
        waits = [back_off(task(uid=f"u{n}", retry=Retry(backoff=policy)), failures) for n in range(100)]
        assert max(waits) - min(waits) > 35
        assert len({round(wait) for wait in waits}) > 20


def test_nodes_on_which_it_failed_are_tried_last() -> None:
    """Those of attempts on record that failed; not where it was disrupted, and none where its user says so."""
    kept = (
        Attempt(1, "a", "p", Reason.WORKER_FAILED),
        Attempt(2, "b", "p", Reason.DISRUPTED),
        Attempt(3, "c", "p", Reason.OOM_KILLED),
        Attempt(4, "", "p", Reason.DEADLINE_EXCEEDED),
        Attempt(5, "d", "p", Reason.POD_CREATE_FORBIDDEN),
    )
    own = task(TaskStatus(attempts=kept))
    assert failed_on(own) == ("a", "c")
    assert failed_on(replace(own, retry=Retry(avoid_failed_nodes=False))) == ()
