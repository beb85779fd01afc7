"""What a run was seen to use, from counters and from means over windows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.classes import Use
from loadstar.core.usage import UNMEASURED, Usage, taken

START = 1000.0


def mean(at: float, cpu: float | None, memory: float | None = 5.0, window: float = 15.0) -> Use:
    return Use(cpu, memory, None, at, window)


def counted(at: float, seconds: float, peak: float | None = None, memory: float | None = None) -> Use:
    return Use(None, memory, None, at, 0, cpu_seconds=seconds, peak=peak, counted=at)


def run(*uses: Use) -> Usage:
    usage = UNMEASURED
    for use in uses:
        usage = taken(usage, use, START)
    return usage


def test_counters_say_the_whole_run() -> None:
    """The last one tells the mean since the start; the highest memory is the highest that was told."""
    usage = run(counted(1010, 1.0, peak=50, memory=40), counted(1040, 20.0, peak=90, memory=10))
    assert (usage.cpu, usage.memory, usage.samples) == (500, 90, 2)
    assert usage.enough


def test_means_count_each_second_once() -> None:
    """By the time they cover, without what they cover of the time before the container or before the last sample."""
    usage = run(mean(1010, 100, window=30), mean(1020, 400, window=30))
    assert (usage.cpu, usage.seconds) == (250, 20)


def test_counters_know_better_than_means() -> None:
    """Each kind is as new as its own last sample: a peak that is told late is a peak."""
    usage = run(mean(1030, 900), counted(1020, 2.0, peak=70), mean(1040, 900, memory=80))
    assert (usage.cpu, usage.memory, usage.samples) == (100, 80, 3)


def test_one_sample_is_not_enough() -> None:
    """Neither is one that comes twice, one from before the start, or one that goes back."""
    one = mean(1010, 100)
    assert not run(one, one, mean(999, 7), mean(1005, 9)).enough
    assert run(one, one, mean(999, 7), mean(1005, 9)).samples == 1
    assert run(one, mean(1025, 100)).enough


def test_io_is_the_mean_where_it_is_measured() -> None:
    """What is not measured is not zero."""
    assert run(mean(1010, 1)).io is None
    assert run(Use(1, 1, 0.5, 1010, 1), Use(1, 1, 0.1, 1020, 1)).io == pytest.approx(0.3)


ODD = st.sampled_from([None, float("nan"), float("inf"), -1.0, 0.0, 3.0, 1e30])


@given(st.lists(st.builds(Use, ODD, ODD, ODD, st.floats(990, 1100), st.floats(0, 60), ODD, ODD, ODD), max_size=8))
def test_nonsense_never_makes_nonsense_of_less_than_nothing(uses: list[Use]) -> None:
    """Whatever is measured, no use is below zero and no share of I/O above all."""
    usage = run(*uses)
    assert usage.cpu >= 0
    assert usage.memory >= 0
    assert usage.io is None or 0 <= usage.io <= 1
