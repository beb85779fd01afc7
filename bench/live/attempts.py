"""A run on real nodes that was disturbed is made once more; then it is given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bench.throughput.observer import Disturbed
from bench.throughput.run import leaves

Json = dict[str, Any]

TRIES: Final = 2


async def undisturbed(run: Callable[[int], Awaitable[Json]], most_seconds: float) -> Json:
    """What the run came to, and how long that took. `run` is given the number of the attempt.

    One that takes longer than `most_seconds` counts as disturbed. Raises Disturbed when the last one was.
    """
    told = ""
    for attempt in range(TRIES):
        started = time.monotonic()
        try:
            async with asyncio.timeout(most_seconds):
                row = await run(attempt)
        except* (Disturbed, TimeoutError) as error:
            told = "; ".join(str(leaf) or type(leaf).__name__ for leaf in leaves(error))
            print(f"   disturbed: {told}", flush=True)
        else:
            return {"took_s": round(time.monotonic() - started), **row}
    raise Disturbed(told)
