"""The part of a page of docs/ that a benchmark writes: what stands between its two marks."""

from __future__ import annotations

from pathlib import Path


def write(page: Path, begin: str, end: str, text: str) -> None:
    """Put the text between the marks, with an empty line before it. Raises ValueError when the page lacks them."""
    before, rest = page.read_text().split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")
