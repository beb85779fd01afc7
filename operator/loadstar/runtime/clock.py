"""The real clock, set by the API server's.

Times in objects (a Pod's creation, a Task's next attempt) are compared with times that other machines wrote, so every
replica must mean the same by "now": the machine that all of them ask says what time it is.
"""

from __future__ import annotations

import logging
import time
from typing import Final

TOLERANCE_SECONDS: Final = 2.0
"""An answer says whole seconds and travels a moment."""

log = logging.getLogger(__name__)


class SystemClock:
    """A `Clock`. Durations and the lease use CLOCK_BOOTTIME: it never jumps and counts sleep."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since the epoch, UTC, as the API server has it."""
        return time.time() + self._offset

    def boottime(self) -> float:
        """Seconds since boot; where the kernel has no such clock, the monotonic one."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    def observe(self, server: float) -> None:
        """Take in the API server's time, in whole seconds."""
        apart = server + 0.5 - self.now()
        if abs(apart) > TOLERANCE_SECONDS:
            log.warning("this machine's clock and the API server's are %.0f s apart: the API server's holds", apart)
            self._offset += apart
