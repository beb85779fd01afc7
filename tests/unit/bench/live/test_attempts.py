"""A disturbed run is made once more, and no more often."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.live.attempts import TRIES, undisturbed
from bench.throughput.observer import Disturbed


async def test_the_second_attempt_counts() -> None:
    """Its number is told, and how long it took."""

    async def run(attempt: int) -> dict[str, Any]:
        if not attempt:
            raise Disturbed("others")
        return {"attempt": attempt}

    assert await undisturbed(run, 5) == {"took_s": 0, "attempt": 1}


async def test_it_is_given_up_in_the_end() -> None:
    """With what disturbed the last attempt, a time-out included."""
    made = []

    async def run(attempt: int) -> dict[str, Any]:
        made.append(attempt)
        await asyncio.sleep(5)
        return {}

    with pytest.raises(Disturbed, match="TimeoutError"):
        await undisturbed(run, 0.01)
    assert made == list(range(TRIES))
