"""What came of a trace, in sum: nothing is left out that speaks against it."""

from __future__ import annotations

import math

from loadstar.simulate.outcome import Course, outcome, percentile


def course(placed: float, started: float, finished: float, attempts: int = 1) -> Course:
    return Course(0, 10, 2, placed, started, finished, "n0", attempts)


def test_run_and_wait_are_told_apart() -> None:
    """A run is from start to end; the total is from arrival, less the start of the container, which nobody chose."""
    found = outcome([course(3, 5, 20)], 1000, [], 0)
    assert (found.mean, found.total_mean, found.waited) == (1.5, 1.8, 1)


def test_late_is_more_than_three_times_the_work() -> None:
    """By its run, and with the wait."""
    found = outcome([course(0, 2, 33), course(0, 2, 32), course(11, 13, 33)], 1000, [], 0)
    assert (found.failed, found.total_failed) == (1 / 3, 2 / 3)


def test_what_had_not_ended_counts_with_what_it_had_waited() -> None:
    """A policy does not look better for what it left undone."""
    found = outcome([course(math.inf, math.inf, math.inf), course(0, 50, math.inf)], 100, [], 0)
    assert (found.unfinished, found.total_mean, found.mean) == (2, 10, 5)


def test_attempts_that_were_lost_are_counted() -> None:
    """Beside the time that they took."""
    assert outcome([course(0, 2, 12, attempts=3)], 100, [(0.1, 0.5, 0.7), (0.3, 0.0, 0.9)], 2).lost == 2


def test_a_percentile_is_a_value_that_was_there() -> None:
    """By the nearest rank."""
    assert [percentile([1, 2, 3, 4], share) for share in (0.25, 0.5, 0.99)] == [1, 2, 4]
