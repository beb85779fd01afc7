"""What Tasks left for those that depend on them: the newest of it in memory, within a bound.

Of what is left out it is still known that there is a result: it is in the status of its Task and can be read there.
"""

from __future__ import annotations

from typing import Final

from loadstar.core.dependencies import mark
from loadstar.core.waiting import Key

MOST_BYTES: Final = 32 * 2**20


class Results:
    """By Task: the mark of its uid, and the text or, where it is kept no longer, None."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._kept: dict[Key, tuple[str, str | None]] = {}
        self._bytes = 0

    def put(self, key: Key, uid: str, text: str) -> None:
        """A Task has ended with this result."""
        if self._kept.get(key) == (mark(uid), text):
            return
        self.forget(key)
        self._kept[key] = mark(uid), text
        self._bytes += len(text)
        if self._bytes > self._most:
            self._shrink()

    def get(self, key: Key, which: str) -> tuple[bool, str | None]:
        """Whether the Task of this mark left a result, and what it is, None when that must be read."""
        found = self._kept.get(key)
        return (True, found[1]) if found is not None and found[0] == which else (False, None)

    def forget(self, key: Key) -> None:
        """Nobody can need it any more."""
        _, text = self._kept.pop(key, ("", None))
        self._bytes -= len(text or "")

    def _shrink(self) -> None:
        """Leave out the oldest, down to half: a pass over all pays for as many that come."""
        for key, (which, text) in self._kept.items():
            if self._bytes <= self._most // 2:
                return
            self._bytes -= len(text or "")
            self._kept[key] = which, None
