"""What a benchmark writes into a page replaces what it wrote before, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import section

BEGIN, END = "<!-- x -->\n", "<!-- end of x -->"


def test_only_what_stands_between_the_marks_changes(tmp_path: Path) -> None:
    """Written twice, the page has the second text alone."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}\nafter\n")
    for text in ("one", "two\n"):
        section.write(page, BEGIN, END, text)
    assert page.read_text() == f"before\n{BEGIN}\ntwo\n\n{END}\nafter\n"


def test_a_page_without_the_marks_stays_as_it_is(tmp_path: Path) -> None:
    """It is said, and nothing is written."""
    page = tmp_path / "page.md"
    page.write_text("before\n")
    with pytest.raises(ValueError, match="unpack"):
        section.write(page, BEGIN, END, "x")
    assert page.read_text() == "before\n"
