"""What one run of a Pod was seen to use, from its first sample to its last. Pure arithmetic; who measures is elsewhere.

Two kinds of samples come in: counters since the container's start (CPU seconds, the highest memory), of which the last
one before the end says nearly all, and means over a window, which say only what they cover.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from loadstar.core.classes import Use

ENOUGH: Final = 2
"""A run with fewer samples teaches nothing about use: one may be of the start alone."""
LEAST_SECONDS: Final = 1.0
"""A rate over less is noise."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one run. `cpu` in millicores, the mean over the `seconds` that were covered; `memory` the highest seen, in
    bytes; `io` the mean share of the node's I/O time, None when never measured; `samples` how many there were, `until`
    the time of the last one.
    """

    samples: int = 0
    cpu: float = 0.0
    memory: float = 0.0
    io: float | None = None
    seconds: float = 0.0
    until: float = float("-inf")

    @property
    def enough(self) -> bool:
        """True when it says something of the run."""
        return self.samples >= ENOUGH and self.memory > 0 and self.seconds >= LEAST_SECONDS


UNMEASURED: Final = Usage()


def taken(usage: Usage, use: Use, started: float) -> Usage:
    """The usage with one more sample of a container that started then. One that is not newer, or no number, is none."""
    if not use.timestamp > usage.until or use.timestamp <= started:
        return usage
    cpu, seconds = usage.cpu, usage.seconds
    if use.cpu_seconds is not None and use.cpu_seconds >= 0:
        seconds = use.timestamp - started
        cpu = use.cpu_seconds * 1000 / seconds
    elif use.cpu is not None and use.cpu >= 0:
        # Of a window that began before the container, and of two that overlap, each second counts once.
        covered = min(use.window, use.timestamp - max(started, usage.until))
        if covered > 0:
            seconds = usage.seconds + covered
            cpu = (usage.cpu * usage.seconds + use.cpu * covered) / seconds
    memory = max([usage.memory, *(value for value in (use.memory, use.peak) if value is not None and value > 0)])
    io = use.io if use.io is not None and 0 <= use.io <= 1 else None
    count = usage.samples + 1
    if usage.io is not None and io is not None:
        io = usage.io + (io - usage.io) / count
    return replace(
        usage,
        samples=count,
        cpu=cpu,
        memory=memory,
        io=usage.io if io is None else io,
        seconds=seconds,
        until=use.timestamp,
    )
