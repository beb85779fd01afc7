"""A pair that was made is not lost by what comes after it."""

from __future__ import annotations

from pathlib import Path

from bench.live.pairs import Pairs, when


def test_pairs_are_kept_one_by_one(tmp_path: Path) -> None:
    """By benchmark, scenario and seed, in the order of seeds."""
    file = tmp_path / "results" / "live.json"
    pairs = Pairs(file, "placement")
    assert pairs.of("a") == {}
    pairs.keep("a", 10, {"x": 1})
    pairs.keep("a", 9, {"x": 2})
    Pairs(file, "learned").keep("a", 9, {"x": 3})
    assert list(Pairs(file, "placement").of("a").items()) == [(9, {"x": 2}), (10, {"x": 1})]
    assert Pairs(file, "learned").of("a") == {9: {"x": 3}}
    assert [entry.name for entry in file.parent.iterdir()] == ["live.json"]


def test_results_carry_when_they_were_measured() -> None:
    """Each date and commit once, whatever writes them down later."""
    pairs = [{"date": "2026-01-02", "commit": "b"}, {"date": "2026-01-01", "commit": "b"}]
    assert when(pairs) == {"date": "2026-01-01, 2026-01-02", "commit": "b"}
