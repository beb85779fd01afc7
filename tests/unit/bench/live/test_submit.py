"""Tasks come when the trace says so, however long earlier creates take."""

from __future__ import annotations

import asyncio

from bench.live.submit import submit, summed
from loadstar.simulate.job import Job


async def test_each_is_created_at_its_arrival_and_its_lag_is_known() -> None:
    """One that takes for ever holds up none, and lags stand in the order of the Tasks."""
    jobs = [Job(number, arrival, 1.0, 1.0, 1.0, 0.0, "kind", {}) for number, arrival in enumerate((0.02, 0.0, 0.01))]
    made: list[int] = []
    last = asyncio.Event()
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def create(job: Job) -> None:
        made.append(job.number)
        if job.number == 1:
            await last.wait()
        if len(made) == len(jobs):
            last.set()

    async with asyncio.timeout(10):
        lags = await submit(jobs, create, lambda: loop.time() - began)
    assert made == [1, 2, 0]
    assert min(lags) >= 0
    assert lags[1] >= 0.019


def test_lags_are_summed_up() -> None:
    """Of none there is nothing to say."""
    assert summed([0.1, 0.2, 0.3]) == {"p50": 0.2, "p99": 0.3, "p100": 0.3}
    assert summed([]) == {}
