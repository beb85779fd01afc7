"""Differences are of pairs, and only what the interval says is said."""

from __future__ import annotations

import pytest

from loadstar.simulate.difference import difference


def test_noise_that_a_pair_shares_costs_no_certainty() -> None:
    """Seeds differ by much more than policies do."""
    gap = difference([2.01, 1.52, 1.11], [2.0, 1.5, 1.1])
    assert gap.mean == pytest.approx(0.0133, abs=1e-3)
    assert gap.half == pytest.approx(0.0143, abs=1e-3)
    assert (gap.verdict, difference([1.2, 1.3], [1.1, 1.2]).verdict) == ("level", "worse")
    assert difference([1.0, 1.1], [1.1, 1.2]).verdict == "better"


def test_one_pair_tells_nothing() -> None:
    """There is no interval, so there is no verdict either way."""
    assert difference([2.0], [1.0]).verdict == "level"
