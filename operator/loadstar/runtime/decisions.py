"""The decision log: the last decisions in memory, and, where a file is named, all of them in it.

Keeping one costs the placement next to nothing: it is put into words when somebody asks for it, or in a thread beside
the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from pathlib import Path
from typing import Final

from loadstar import telemetry
from loadstar.api import decisions
from loadstar.core.record import Record
from loadstar.runtime.ports import Clock

WRITE_SECONDS: Final = 1.0
WAITING: Final = 10_000
"""So many records may wait for the file; when it is slower than decisions are made, the oldest are left out."""
MIB: Final = 2**20

log = logging.getLogger(__name__)


class Decisions:
    """`kept`: how many of the last ones stay in memory; `path`: a file to append to, None for none.

    A file that has grown to `mebibytes` is put aside as `PATH.1`, in the place of the one before.
    """

    def __init__(self, kept: int, clock: Clock, path: Path | None = None, mebibytes: int = 16) -> None:
        self.path = path
        self.on = kept > 0 or path is not None
        self._last: deque[Record] = deque(maxlen=kept)
        self._waiting: deque[Record] = deque(maxlen=WAITING)
        self._most = mebibytes * MIB
        self._clock = clock
        self._failing = False
        self.progress = clock.boottime()

    def add(self, record: Record) -> None:
        """Keep one more."""
        self._last.append(record)
        if self.path is not None:
            if len(self._waiting) == WAITING:
                telemetry.DECISIONS_LOST.inc()
            self._waiting.append(record)

    def lines(self) -> bytes:
        """Those in memory, the oldest first, a line each."""
        return b"".join(decisions.line(record) for record in tuple(self._last))

    async def run(self) -> None:
        """Write what waits for the file, for ever; what waits when this is cancelled is written yet."""
        try:
            while True:
                self.progress = self._clock.boottime()
                await asyncio.sleep(WRITE_SECONDS)
                await self._write()
        finally:
            self._append(self._taken())

    async def _write(self) -> None:
        if self._waiting:
            await asyncio.to_thread(self._append, self._taken())

    def _taken(self) -> list[Record]:
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def _append(self, records: list[Record]) -> None:
        """Write them. A disk that is full stops no placement: it is said once, and the records are lost."""
        if self.path is None or not records:
            return
        try:
            with self.path.open("ab") as file:
                for record in records:
                    file.write(decisions.line(record))
                size = file.tell()
            if size >= self._most:
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        except OSError as error:
            telemetry.DECISIONS_LOST.inc(len(records))
            if not self._failing:
                log.warning("decisions are not written down: %s", error)
            self._failing = True
        else:
            self._failing = False
