"""Tasks are created at their times, whatever became of those before them; how late each was is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from bench.throughput.interval import percentile


class Arriving(Protocol):
    """What comes at a time."""

    @property
    def arrival(self) -> float:
        """In seconds."""


Coming = TypeVar("Coming", bound=Arriving)
AT_ONCE = 24
"""Creates that are under way at a time: a burst is at one instant, and an API server takes it one by one."""


async def submit(
    jobs: Sequence[Coming], create: Callable[[Coming], Awaitable[None]], clock: Callable[[], float]
) -> list[float]:
    """Create each at its arrival, as `clock` has it; how many seconds later each was there, in the order of `jobs`."""
    lags = [0.0] * len(jobs)
    room = asyncio.Semaphore(AT_ONCE)

    async def one(place: int, job: Coming) -> None:
        async with room:
            await create(job)
        lags[place] = clock() - job.arrival

    async with asyncio.TaskGroup() as group:
        for place, job in sorted(enumerate(jobs), key=lambda item: item[1].arrival):
            await asyncio.sleep(max(0.0, job.arrival - clock()))
            group.create_task(one(place, job))
    return lags


def summed(lags: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and the most, in seconds; nothing of none."""
    return {f"p{share}": round(percentile(lags, share / 100), 3) for share in (50, 99, 100)} if lags else {}
