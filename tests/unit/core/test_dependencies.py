"""What follows for a Task whose dependencies are not met, and how a status keeps which Tasks they are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core.conditions import DEPENDENCIES_MET, depended, with_conditions
from loadstar.core.dependencies import (
    MISSING_SECONDS,
    Needs,
    Rule,
    Seen,
    mark,
    read_record,
    spelled,
    verdict,
    write_record,
)
from loadstar.core.instructions import ConfirmDependency, RequestPlacement, Requeue, Wait
from loadstar.core.model import Attempt, TaskStatus
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from tests.unit.core.builders import NOW, task
from tests.unit.core.decisions import PLACED, SUCCESS, decide, written

FETCH = Seen("fetch", State.RUNNING, "PartsRunning", Rule.SUCCESS)
OPEN = Needs(2, 1, open=(FETCH,), resolved="d01234567o89abcdef")
MISSING = Needs(1, 0, missing=("fetch",), missing_count=1)
DEPENDENT = {"fetch": Rule.SUCCESS}


def condition(status: TaskStatus) -> str:
    return next((c.status for c in status.conditions if c.type == DEPENDENCIES_MET), "absent")


def test_a_task_waits_for_its_dependencies_and_asks_for_no_node() -> None:
    """It takes no part in a placement cycle; what it waits for is said, with what is to be kept of it."""
    said = "1 of 2 done; waits for fetch (RUNNING)"
    wait = Wait(Reason.WAITING_FOR_DEPENDENCIES, said, OPEN.resolved)
    assert decide(task(dependencies=DEPENDENT), needs=OPEN) == (wait,)


def test_a_missing_dependency_is_looked_at_again_when_it_is_due() -> None:
    """Until five minutes after the creation it may come; then its absence is the reason, and the wait goes on."""
    first = decide(task(dependencies=DEPENDENT, created=NOW - 10), needs=MISSING)
    assert isinstance(first[0], Wait)
    assert (first[0].reason, first[1]) == (Reason.WAITING_FOR_DEPENDENCIES, Requeue(MISSING_SECONDS - 10))
    (late,) = decide(task(dependencies=DEPENDENT, created=NOW - MISSING_SECONDS), needs=MISSING)
    assert isinstance(late, Wait)
    assert late.reason == Reason.DEPENDENCY_MISSING


def test_what_can_never_run_ends() -> None:
    """A failed or a deleted dependency and a cycle end the Task, each with its reason; the condition says the same."""
    broken = (Seen("fetch", State.FAILED, "OOMKilled", Rule.SUCCESS),)
    failed = Needs(1, 0, broken=broken, resolved="o01234567")
    assert written(decide(task(dependencies=DEPENDENT), needs=failed)).resolved == "o01234567"
    for needs, reason in (
        (failed, Reason.DEPENDENCY_FAILED),
        (Needs(1, 0, lost=("fetch",)), Reason.DEPENDENCY_DELETED),
        (Needs(1, 0, open=(FETCH,), cycle=("t", "fetch", "t")), Reason.DEPENDENCY_CYCLE),
    ):
        status = written(decide(task(dependencies=DEPENDENT), needs=needs))
        assert (status.state, status.reason, condition(status)) == (State.FAILED, reason, "False")


def test_a_deleted_dependency_is_looked_for_first() -> None:
    """A list may be behind, and FAILED is final: the API server is asked once more."""
    assert decide(task(dependencies=DEPENDENT), needs=Needs(1, 0, doubted="fetch")) == (ConfirmDependency("fetch"),)


def test_a_cancel_a_suspend_and_a_deadline_come_first() -> None:
    """They are about the Task itself, whatever it waits for."""
    waiting = task(dependencies=DEPENDENT, cancel=True)
    assert written(decide(waiting, needs=OPEN)).reason == Reason.CANCELLED
    assert written(decide(task(dependencies=DEPENDENT, suspend=True), needs=OPEN)).reason == Reason.SUSPENDED
    late = written(decide(task(dependencies=DEPENDENT, pending_seconds=5), needs=OPEN))
    assert late.reason == Reason.PENDING_DEADLINE_EXCEEDED
    assert condition(late) == "absent"


def test_met_dependencies_are_written_with_the_assignment() -> None:
    """Which Tasks they were and that they are met costs no write of its own."""
    met = Needs(1, 1, resolved="d01234567")
    assert decide(task(dependencies=DEPENDENT), needs=met) == (RequestPlacement(),)
    status = written(decide(task(dependencies=DEPENDENT), needs=met, decision=PLACED))
    assert (status.state, status.resolved, condition(status)) == (State.ASSIGNED, "d01234567", "True")
    assert depended(status)
    plain = written(decide(task(), decision=PLACED))
    assert (plain.resolved, condition(plain)) == ("", "absent")


def test_the_condition_follows_the_reason() -> None:
    """False while it waits for them, True once it waits for something else, as before where that says nothing."""
    waits = with_conditions(TaskStatus(reason=Reason.WAITING_FOR_DEPENDENCIES), 1, NOW)
    assert (condition(waits), depended(waits)) == ("False", False)
    for reason, expected in (
        (Reason.WAITING_FOR_CAPACITY, "True"),
        (Reason.SUSPENDED, "False"),
        (Reason.CANCELLED, "False"),
    ):
        status = TaskStatus(reason=reason, conditions=waits.conditions)
        assert condition(with_conditions(status, 1, NOW)) == expected
    assert depended(TaskStatus(attempt=1, attempts=(Attempt(1, "a", "p", Reason.DISRUPTED),)))


def test_a_task_that_others_need_outlives_its_time() -> None:
    """Its ttlSecondsAfterFinished begins to count for it only when nothing that has not ended names it."""
    over = task(SUCCESS, ttl_seconds=0)
    assert decide(over, needed=True) == ()
    assert len(decide(over)) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), st.uuids()), st.booleans()), max_size=30))
def test_a_record_reads_as_it_was_written(cells: list[tuple[object, bool]]) -> None:
    """Of what was seen, the mark and whether it is done; of what was not, that it was not."""
    marks = [(None if uid is None else mark(str(uid)), done) for uid, done in cells]
    text = write_record(marks)
    assert len(text) in {0, 9 * len(cells)}
    read = list(read_record(text)) or [(None, False)] * len(cells)
    assert read == [(which, which is not None and done) for which, done in marks]


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_as_a_record(text: str) -> None:
    """A status may hold whatever the schema lets through."""
    for which, _ in read_record(text):
        assert which is None or len(which) == 8


def test_a_long_cycle_is_cut() -> None:
    """The beginning and the end are told, and how many are not."""
    assert spelled(("a", "b", "a")) == "a → b → a"
    long = spelled((*(f"t{n}" for n in range(100)), "t0"))
    assert long == "t0 → t1 → t2 → t3 → … 92 more … → t96 → t97 → t98 → t99 → t0"


def test_every_reason_is_told_with_its_count() -> None:
    """A sentence says how many are done, and quotes what stands in the way."""
    assert verdict(OPEN, NOW, NOW).message.startswith("1 of 2 done")
    failed = Needs(3, 2, broken=(Seen("x", State.SUCCESS, "Completed", Rule.FAILURE),))
    assert verdict(failed, NOW, NOW).message == (
        "x ended SUCCESS (Completed), and must end in FAILED (dependencyRules: Failure); 2 of 3 done"
    )
