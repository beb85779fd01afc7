"""What is believed of a measured value, whoever measured it. What is not believed is no sample: unknown, never zero."""

from __future__ import annotations

import math
from typing import Final

from loadstar.core.model import Sample

LARGEST: Final = {"cpu": 100_000.0, "memory": 2.0**53, "io": 1.0, "load1": 1_000_000.0, "io_pressure": 1.0}
"""No node has so many cores, bytes or threads; a share is at most all."""
SHARES: Final = {"io", "io_pressure"}
ROUNDING: Final = 1.1
"""A rate over a short window may come out a little above all the time there was; beyond this it is nonsense."""
LONGEST_WINDOW: Final = 600.0
"""A mean over longer says little about now."""


def sample(resource: str, value: float, timestamp: float, window: float, source: str) -> Sample | None:
    """A sample of this field of `Load`; None for NaN, infinity, less than nothing, or more than there can be.

    No memory in use is nonsense too: the kernel alone has some.
    """
    if resource in SHARES and value <= ROUNDING:
        value = min(value, LARGEST[resource])
    least_is_nonsense = resource == "memory"
    if not math.isfinite(value) or not 0 <= value <= LARGEST[resource] or (least_is_nonsense and value == 0):
        return None
    if not math.isfinite(timestamp) or not 0 <= window <= LONGEST_WINDOW:
        return None
    return Sample(value, timestamp, window, source)
