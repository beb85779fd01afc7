"""Percentiles of sizes: right to 1 %, bounded, fading, and the same after they were written down."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.sketch import ACCURACY, BUCKETS, LARGEST, NOTHING, Sketch, bucket_of, read

SIZES = st.floats(1, LARGEST)


def sketch(sizes: list[float], fade: float = 1.0) -> Sketch:
    found = NOTHING
    for size in sizes:
        found = found.add(size, fade)
    return found


@given(st.lists(st.floats(2**20, 2**26), min_size=1, max_size=40), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_is_right_to_one_percent(sizes: list[float], share: float) -> None:
    """It is within 1 % of a size that so many do not exceed, give or take one rank."""
    ordered, found = sorted(sizes), sketch(sizes).quantile(share)
    rank = share * len(ordered)
    near = {ordered[min(len(ordered) - 1, max(0, ceil(rank) + step))] for step in (-2, -1, 0)}
    assert any(abs(found - size) <= 1.001 * ACCURACY * size for size in near)


@given(st.lists(SIZES, min_size=1, max_size=60))
def test_the_largest_is_never_too_small(sizes: list[float]) -> None:
    """No size is above it, it is at most 2 % above one, and however far sizes spread it stays bounded."""
    found = sketch(sizes)
    assert max(sizes) <= found.largest * (1 + 1e-9)
    assert found.largest <= max(sizes) * 1.0204
    assert len(found.buckets) <= BUCKETS
    assert found.weight == pytest.approx(len(sizes))


def test_old_sizes_fade() -> None:
    """What was seen long ago counts less and is forgotten in the end; before anything was seen nothing is known."""
    assert NOTHING.quantile(0.99) == NOTHING.largest == 0
    old = sketch([2**30])
    assert old.largest > 2**30 * 0.99
    assert sketch([2**30, *[2**20] * 10], 0.5).largest < 2**21
    assert sketch([2**30, *[2**20] * 3], 0.5).largest > 2**29


@given(st.lists(st.integers(2**20, 2**40), min_size=1, max_size=30))
def test_it_comes_back_from_its_written_form(sizes: list[int]) -> None:
    """Bucket by bucket: what is written is whole bytes and weights."""
    found = sketch([float(size) for size in sizes], 0.9)
    again = read([(float(size), weight) for size, weight in found.sizes()])
    assert [key for key, _ in again.buckets] == [key for key, _ in found.buckets]
    assert again.weight == pytest.approx(found.weight)


@pytest.mark.parametrize(
    "bad", [(0.0, 1.0), (float("nan"), 1.0), (1.0, 0.0), (1.0, -2.0), (2.0**61, 1.0), (1.0, 1e300)]
)
def test_what_is_no_size_is_refused(bad: tuple[float, float]) -> None:
    """A written form that somebody spoiled is no sketch."""
    with pytest.raises(ValueError, match="must be from 1"):
        read([bad])


@given(SIZES)
def test_neighbours_share_buckets(size: float) -> None:
    """A bucket spans 2 %."""
    assert bucket_of(size * 1.0203) - bucket_of(size) in {0, 1, 2}
