"""How much a count that only grows has grown in the last minute, from looking at it now and then."""

from __future__ import annotations

from collections import deque
from typing import Final

SECONDS: Final = 60.0


class Rate:
    """What it keeps are the looks of the last minute and the one before them."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def take(self, count: int, now: float) -> int:
        """The count is this now; returns its growth in a minute, or since the first look where that is sooner."""
        looks = self._looks
        looks.append((now, count))
        while len(looks) > 1 and looks[1][0] <= now - SECONDS:
            looks.popleft()
        then, was = looks[0]
        grown = count - was
        return round(grown * SECONDS / (now - then)) if now - then > SECONDS else grown
