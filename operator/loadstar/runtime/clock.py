"""The real clock."""

from __future__ import annotations

import time


class SystemClock:
    """A `Clock`. Durations and the lease use CLOCK_BOOTTIME: it never jumps and counts sleep."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def boottime(self) -> float:
        """Seconds since boot; where the kernel has no such clock, the monotonic one."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()
