"""Differences are of pairs, and only what the interval says is said."""

from __future__ import annotations

import pytest

from bench.placement.measures import Measures, beside, difference, rows


def run(total: float, mean: float = 1.0) -> Measures:
    return Measures(mean, 1.1, 1.2, total, 0.1)


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


def test_a_row_has_what_is_asked_for() -> None:
    """The interval is that of the slowdown with the wait, against ours; ours has none against itself."""
    found = rows({"LoadAware": [run(1.0), run(1.2)], "Random": [run(1.5), run(1.9)]}, "LoadAware")
    assert found["LoadAware"] == {"mean": 1, "p95": 1.1, "p99": 1.2, "total_mean": 1.1, "sd": 0.1, "ci95": 0}
    assert found["Random"]["total_mean"] == pytest.approx(1.7)
    assert found["Random"]["ci95"] == pytest.approx(12.706 * 0.1414 / 1.4142, rel=1e-3)
    more = beside({"LoadAware": [run(1.0), run(1.2)], "Random": [run(1.5), run(1.7)]}, "LoadAware")["Random"]
    assert more["total_mean"] == {"difference": 0.5, "half": 0, "verdict": "worse"}
