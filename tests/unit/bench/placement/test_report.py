"""A level that is run anew replaces what it had, and nothing else."""

from __future__ import annotations

from pathlib import Path

from bench.placement.report import keep, read


def test_levels_do_not_touch_each_other(tmp_path: Path) -> None:
    """Scenarios that a level does not have any more go with it; those of another stay."""
    file = tmp_path / "placement.json"
    keep("L1", {"commit": "a"}, {"x": {}, "y": {}}, {"x": {}, "y": {}}, file)
    keep("L2", {"commit": "b"}, {"live": {"P": 1}}, {"live": {}}, file)
    keep("L1", {"commit": "c"}, {"x": {"P": 2}}, {"x": {}}, file)
    found = read(file)
    assert found["scenarios"] == {"live": {"P": 1}, "x": {"P": 2}}
    assert found["beside"].keys() == {"live", "x"}
    assert found["levels"] == {
        "L1": {"commit": "c", "scenarios": ["x"]},
        "L2": {"commit": "b", "scenarios": ["live"]},
    }


def test_nothing_was_kept_yet(tmp_path: Path) -> None:
    """That is an empty report."""
    assert read(tmp_path / "none.json")["scenarios"] == {}
