"""How much a count grew in the last minute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.rate import Rate


def test_growth_is_that_of_the_last_minute() -> None:
    """What grew earlier no longer counts; before a minute is over what grew since the first look does."""
    rate = Rate()
    assert rate.take(7, 0.0) == 0
    assert rate.take(10, 15.0) == 3
    assert [rate.take(10, at) for at in (30.0, 45.0, 60.0)] == [3, 3, 3]
    assert rate.take(10, 75.0) == 0


def test_longer_pauses_are_a_mean() -> None:
    """Looked at after two minutes, half of the growth is a minute's."""
    rate = Rate()
    rate.take(0, 0.0)
    assert rate.take(100, 120.0) == 50


@given(st.integers(1, 100), st.sampled_from([1.0, 5.0, 15.0, 20.0, 60.0]))
def test_steady_growth_is_told_right(a_second: int, pause: float) -> None:
    """After a minute the rate is what it is, however often it is looked at."""
    rate, at = Rate(), 0.0
    found = 0
    while at <= 300:
        found = rate.take(round(at * a_second), at)
        at += pause
    assert found == pytest.approx(60 * a_second, abs=1)
