"""What is believed of a measured value."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.model import Sample
from loadstar.sources.samples import LARGEST, LONGEST_WINDOW, sample

NUMBERS = st.floats() | st.integers(-(2**70), 2**70).map(float)


@given(st.sampled_from(sorted(LARGEST)), NUMBERS, NUMBERS, NUMBERS)
def test_a_sample_is_a_finite_value_that_can_be(resource: str, value: float, time: float, window: float) -> None:
    """NaN, infinity, less than nothing and more than there can be are no samples, whatever the resource."""
    found = sample(resource, value, time, window, "test")
    if found is not None:
        assert 0 <= found.value <= LARGEST[resource]
        assert math.isfinite(found.timestamp)
        assert 0 <= found.window <= LONGEST_WINDOW


def test_a_share_may_be_rounded_up_a_little() -> None:
    """A rate over a short window comes out a little above one: that is all the time. Twice of it is nonsense."""
    assert sample("io", 1.03, 1, 10, "test") == Sample(1.0, 1, 10, "test")
    assert sample("io", 2.0, 1, 10, "test") is None


def test_no_memory_in_use_is_no_sample() -> None:
    """The kernel alone uses some; no CPU time and no I/O can be."""
    assert sample("memory", 0, 1, 0, "test") is None
    assert sample("cpu", 0, 1, 10, "test") is not None
    assert sample("io", 0, 1, 10, "test") is not None
