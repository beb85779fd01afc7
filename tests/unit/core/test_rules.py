"""Rules on how an attempt ended: what each is about, and that the first that holds is the one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.reasons import Reason
from loadstar.core.rules import FAILURES, RULED, Action, EndRule, first

CODES = st.lists(st.integers(1, 255), max_size=3).map(tuple)
REASONS = st.lists(st.sampled_from(RULED), max_size=3).map(tuple)
RULES = st.builds(EndRule, st.sampled_from(Action), CODES, REASONS)


def test_an_exit_code_alone_speaks_of_failures_only() -> None:
    """137 is the OOM killer's as well as an eviction's: a disruption is meant only where it is named."""
    rule = EndRule(Action.FAIL, (137,))
    assert rule.holds(Reason.OOM_KILLED, 137)
    assert rule.holds(Reason.WORKER_FAILED, 137)
    assert not rule.holds(Reason.DISRUPTED, 137)
    assert not rule.holds(Reason.DEADLINE_EXCEEDED, 137)
    assert EndRule(Action.FAIL, (137,), (Reason.DISRUPTED,)).holds(Reason.DISRUPTED, 137)


def test_both_must_hold_where_both_are_named() -> None:
    """Exit codes narrow reasons, and reasons exit codes."""
    rule = EndRule(Action.IGNORE, (3, 4), (Reason.WORKER_FAILED,))
    assert rule.holds(Reason.WORKER_FAILED, 4)
    assert not rule.holds(Reason.WORKER_FAILED, 5)
    assert not rule.holds(Reason.MISCONFIGURED, 4)
    assert not rule.holds(Reason.WORKER_FAILED, None)
    assert rule.words() == "exitCodes 3, 4, reasons WorkerFailed: Ignore"


@given(st.lists(RULES, max_size=5), st.sampled_from(RULED), st.none() | st.integers(0, 255))
def test_the_first_that_holds_is_the_one(rules: list[EndRule], reason: Reason, code: int | None) -> None:
    """None before it holds, and what it names is so."""
    found = first(rules, reason, code)
    if found is None:
        assert not any(rule.holds(reason, code) for rule in rules)
        return
    index, rule = found
    assert rules[index] is rule
    assert not any(earlier.holds(reason, code) for earlier in rules[:index])
    assert reason in (rule.reasons or FAILURES)
    assert not rule.exit_codes or code in rule.exit_codes
