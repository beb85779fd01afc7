"""The live table of Tasks: redrawn in place on a terminal, otherwise a line for each change."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import Any

HEADINGS = ("NAME", "STATE", "NODE", "ATTEMPT", "SCORE", "REASON", "MESSAGE")
COLOURS = {"PENDING": 33, "ASSIGNED": 36, "RUNNING": 34, "SUCCESS": 32, "FAILED": 31}
"""ANSI numbers: yellow, cyan, blue, green, red."""


@dataclass(frozen=True, slots=True)
class Row:
    """A Task as the table shows it."""

    name: str
    state: str
    node: str
    attempt: str
    score: str
    reason: str
    message: str

    @classmethod
    def of(cls, task: dict[str, Any]) -> Row:
        """From the API's document."""
        status = task.get("status", {})
        total = status.get("placement", {}).get("score")
        return cls(
            name=task["metadata"]["name"],
            state=status.get("state", ""),
            node=status.get("assignedTo", ""),
            attempt=str(status.get("attempt", 0)),
            score="" if total is None else f"{total:.2f}",
            reason=status.get("reason", ""),
            message=status.get("message", ""),
        )

    def cells(self) -> tuple[str, ...]:
        """In the order of the headings."""
        return (self.name, self.state, self.node, self.attempt, self.score, self.reason, self.message)


@dataclass(slots=True)
class Table:
    """`show` it again and again; it prints what is needed."""

    started: float = field(default_factory=time.monotonic)
    _seen: dict[str, Row] = field(default_factory=dict)
    _lines: int = 0

    def show(self, rows: list[Row]) -> None:
        """Print the rows."""
        if sys.stdout.isatty():
            self._redraw(rows)
        else:
            self._changes(rows)
        sys.stdout.flush()

    def _changes(self, rows: list[Row]) -> None:
        for row in rows:
            last = self._seen.get(row.name)
            shown = (row.state, row.node, row.attempt, row.reason)
            if last is None or shown != (last.state, last.node, last.attempt, last.reason):
                node = f"on {row.node}" if row.node else ""
                words = f"{row.name:14} {row.state:9} {row.reason:22} attempt {row.attempt} {node:12}"
                print(f"   {self._clock()}  {words} {row.message}".rstrip())
            self._seen[row.name] = row

    def _redraw(self, rows: list[Row]) -> None:
        width = shutil.get_terminal_size().columns - 1
        cells = [HEADINGS, *(row.cells() for row in rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
        # Everything is cut to one line each: a wrapped line would break the count of lines to go back.
        lines = [
            "  ".join(cell.ljust(size) for cell, size in zip(line, widths, strict=True))[:width].rstrip()
            for line in cells
        ]
        for number, row in enumerate(rows, 1):
            lines[number] = lines[number].replace(row.state, f"\x1b[{COLOURS.get(row.state, 0)}m{row.state}\x1b[0m", 1)
        done = sum(row.state == "SUCCESS" for row in rows)
        lines.append(f"{self._clock()}  {done} of {len(rows)} SUCCESS")
        back = f"\x1b[{self._lines}F" if self._lines else ""
        print(back + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[0J", end="")
        self._lines = len(lines)

    def _clock(self) -> str:
        return f"{time.monotonic() - self.started:5.1f} s"
