"""Ratios of pairs and their interval."""

from __future__ import annotations

import math

import pytest

from bench.throughput.interval import percentile, ratio


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """The nearest rank is taken; of nothing there is none."""
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert percentile([7.0], 0.01) == 7.0
    assert math.isnan(percentile([], 0.5))


def test_the_mean_ratio_is_geometric() -> None:
    """Twice as fast and half as fast cancel out."""
    assert ratio([20.0, 10.0], [10.0, 20.0])["mean"] == 1.0


def test_pairs_that_agree_leave_no_doubt() -> None:
    """Noise that both of a pair share costs no certainty."""
    found = ratio([12.0, 24.0, 6.0], [10.0, 20.0, 5.0])
    assert (found["mean"], found["low"], found["high"], found["pairs"]) == (1.2, 1.2, 1.2, 3)


def test_the_interval_is_students() -> None:
    """Of two pairs, t is 12.7 standard errors to each side; of one pair nothing can be said."""
    found = ratio([math.exp(0.1), math.exp(0.3)], [1.0, 1.0])
    assert found["low"] == pytest.approx(math.exp(0.2 - 12.706 * 0.1), abs=1e-3)
    assert ratio([2.0], [1.0]) == {"mean": 2.0, "low": None, "high": None, "pairs": 1}
