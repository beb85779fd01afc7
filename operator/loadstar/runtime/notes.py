"""Why Tasks wait, and which of it is worth a write.

A reason is written only when it has lasted and its code is news, and no faster than a fixed rate in all: thousands
of Tasks that wait for the same thing must not keep the API server busy saying so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from loadstar.core.instructions import Wait

LAST_SECONDS: Final = 5.0
WRITES_PER_SECOND: Final = 20.0
SLACK: Final = 1e-6
"""Seconds by which sums of times may be off."""

Key = tuple[str, str]


@dataclass(slots=True)
class _Note:
    reason: str
    message: str
    since: float
    turn: float | None = None


class Notes:
    """The current reason of every waiting Task."""

    def __init__(self) -> None:
        self._notes: dict[Key, _Note] = {}
        self._last_turn = float("-inf")

    def forget(self, key: Key) -> None:
        """The Task moved on or is gone."""
        self._notes.pop(key, None)

    def reason(self, key: Key) -> str:
        """Why the Task waits, as far as it was looked at; empty when nothing is noted."""
        note = self._notes.get(key)
        return "" if note is None else note.reason

    def reasons(self, known: Container[Key] = ()) -> Counter[str]:
        """How many Tasks wait, by reason; those left out of whom it is `known` otherwise."""
        return Counter(note.reason for key, note in self._notes.items() if key not in known)

    def take(self, key: Key, wait: Wait, written: str, now: float) -> float:
        """Note the reason; returns 0 when it is to be written now, the seconds to look again, or -1 for never.

        `written` is the reason code that the status shows; `now` any clock that does not jump.
        """
        note = self._notes.get(key)
        if note is None or note.reason != wait.reason:
            note = self._notes[key] = _Note(wait.reason, wait.message, now)
        note.message = wait.message
        if wait.reason == written and not wait.news:
            return -1
        left = note.since + LAST_SECONDS - now
        if left > 0:
            return left
        if note.turn is None:
            # Who waits for a write is told when its turn is, and does not ask meanwhile.
            earliest = max(self._last_turn, now - 1.0)
            note.turn = self._last_turn = earliest + 1 / WRITES_PER_SECOND
        left = note.turn - now
        return left if left > SLACK else 0.0
