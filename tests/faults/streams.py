"""One watch on its way to the operator: passed on line by line, or hurt as the plan says."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import aiohttp

from tests.faults.api import lines
from tests.faults.fault import Kind, Plan

SWAP_SECONDS = 1.0
LATE_SECONDS = 2.0
GONE = (
    json.dumps(
        {
            "type": "ERROR",
            "object": {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": "Expired",
                "code": 410,
                "message": "too old resource version: an injected fault",
            },
        }
    ).encode()
    + b"\n"
)


class _CutError(Exception):
    """The stream ends here."""


@dataclass(slots=True)
class Stream:
    """Events are numbered over all watches of one name; bookmarks are no events."""

    name: str
    plan: Plan
    counts: Counter[str]
    write: Callable[[bytes], Awaitable[None]]
    gone_next: bool = False
    _held: bytes = b""
    _late: list[asyncio.Task[None]] = field(default_factory=list)
    _frozen: bool = False

    async def run(self, content: aiohttp.StreamReader) -> None:
        """Pass on until either end is gone."""
        try:
            async for line in lines(content):
                await self._take(line)
        except _CutError:
            return
        finally:
            for task in self._late:
                task.cancel()

    async def _take(self, line: bytes) -> None:  # noqa: C901 - one case a fault
        if self._frozen:
            return
        if not self.name or b'"type":"BOOKMARK"' in line[:40]:
            await self.write(line)
            return
        self.counts[self.name] += 1
        kind = self.plan.event(self.name, self.counts[self.name])
        match kind:
            case Kind.DROP:
                return
            case Kind.SWAP:
                self._held = line
                self._later(self._release, SWAP_SECONDS)
                return
            case Kind.LATE:
                self._later(partial(self.write, line), LATE_SECONDS)
                return
            case Kind.CUT:
                await self.write(line[: len(line) // 2])
                raise _CutError
            case _:
                await self.write(line)
        await self._release()
        match kind:
            case Kind.DOUBLE:
                await self.write(line)
            case Kind.FREEZE:
                self._frozen = True
            case Kind.GONE_EVENT:
                await self.write(GONE)
                raise _CutError
            case Kind.GONE_HTTP:
                self.gone_next = True
                raise _CutError

    async def _release(self) -> None:
        held, self._held = self._held, b""
        if held:
            await self.write(held)

    def _later(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await work()

        self._late.append(asyncio.create_task(wait()))
