"""What nodes use is told from their counters."""

from __future__ import annotations

from pathlib import Path

from bench.live.real_meter import Look, deviation, held_back, mean, uses


def look(at: float, first: float, second: float) -> Look:
    """Two nodes that have used so many CPU seconds."""
    return Look(at, {"node-0": first, "node-1": second}, {}, {})


def test_use_is_a_share_of_the_quota_between_two_looks() -> None:
    """Looks outside of the time are left out."""
    looks = [look(0, 0, 0), look(1, 0.4, 0.1), look(3, 1.2, 0.3), look(9, 9, 9)]
    shares = uses(looks, 0.4, 0, 5)
    assert [{name: round(value, 6) for name, value in each.items()} for each in shares] == [
        {"node-0": 1.0, "node-1": 0.25},
        {"node-0": 1.0, "node-1": 0.25},
    ]
    assert mean(shares)["node-0"] == 1.0
    assert deviation(shares) == 0.375


def test_nothing_looked_at_is_no_deviation() -> None:
    """Instead of an error."""
    assert deviation([]) == 0
    assert mean([]) == {}


def test_throttled_time_is_in_seconds(tmp_path: Path) -> None:
    """The kernel tells nanoseconds."""
    (tmp_path / "cpu.stat").write_text("nr_periods 10\nnr_throttled 2\nthrottled_time 1500000000\n")
    assert held_back(tmp_path) == 1.5
