"""What is kept of runs, policy by policy."""

from __future__ import annotations

import pytest

from bench.placement.measures import Measures, beside, rows


def run(total: float, mean: float = 1.0) -> Measures:
    return Measures(mean, 1.1, 1.2, total, 0.1)


def test_a_row_has_what_is_asked_for() -> None:
    """The interval is that of the slowdown with the wait, against ours; ours has none against itself."""
    found = rows({"LoadAware": [run(1.0), run(1.2)], "Random": [run(1.5), run(1.9)]}, "LoadAware")
    assert found["LoadAware"] == {"mean": 1, "p95": 1.1, "p99": 1.2, "total_mean": 1.1, "sd": 0.1, "ci95": 0}
    assert found["Random"]["total_mean"] == pytest.approx(1.7)
    assert found["Random"]["ci95"] == pytest.approx(12.706 * 0.1414 / 1.4142, rel=1e-3)
    more = beside({"LoadAware": [run(1.0), run(1.2)], "Random": [run(1.5), run(1.7)]}, "LoadAware")["Random"]
    assert more["total_mean"] == {"difference": 0.5, "half": 0, "verdict": "worse"}
