"""Why Tasks wait, and which of it is worth a write.

A reason is written only when it has lasted and its code is news, and no faster than a fixed rate in all: thousands
of Tasks that wait for the same thing must not keep the API server busy saying so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loadstar.core.instructions import Wait

LAST_SECONDS: Final = 5.0
WRITES_PER_SECOND: Final = 20.0

Key = tuple[str, str]


@dataclass(slots=True)
class _Note:
    reason: str
    message: str
    since: float


class Notes:
    """The current reason of every waiting Task."""

    def __init__(self) -> None:
        self._notes: dict[Key, _Note] = {}
        self._tokens = WRITES_PER_SECOND
        self._filled = 0.0

    def forget(self, key: Key) -> None:
        """The Task moved on or is gone."""
        self._notes.pop(key, None)

    def reasons(self) -> dict[str, int]:
        """How many Tasks wait, by reason."""
        counts: dict[str, int] = {}
        for note in self._notes.values():
            counts[note.reason] = counts.get(note.reason, 0) + 1
        return counts

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
        return 0 if self._spend(now) else 1.0

    def _spend(self, now: float) -> bool:
        self._tokens = min(WRITES_PER_SECOND, self._tokens + (now - self._filled) * WRITES_PER_SECOND)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
