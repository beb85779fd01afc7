"""Rows stand under each other."""

from __future__ import annotations

from loadstar.cli.columns import columns


def test_each_column_is_as_wide_as_its_widest_cell() -> None:
    """And no line ends in blanks."""
    assert columns([("NODE", "CPU"), ("a", "0.25"), ("node-17", "")]) == ["NODE     CPU", "a        0.25", "node-17"]
