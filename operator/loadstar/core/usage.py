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
INFINITY: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one run. `cpu` in millicores, the mean over the `seconds` that were covered; `memory` the highest seen, in
    bytes; `io` the mean share of the node's I/O time, None when never measured; `samples` how many there were, `until`
    the time of the last mean, and `counted` of the last counters.
    """

    samples: int = 0
    cpu: float = 0.0
    memory: float = 0.0
    io: float | None = None
    seconds: float = 0.0
    until: float = float("-inf")
    counted: float = float("-inf")

    @property
    def enough(self) -> bool:
        """True when it says something of the run."""
        return self.samples >= ENOUGH and self.memory > 0 and self.seconds >= LEAST_SECONDS


UNMEASURED: Final = Usage()


def taken(usage: Usage, use: Use, started: float) -> Usage:
    """The usage with one more sample of a container that started then. What is not newer, or no number, is left."""
    found = _averaged(_counted(usage, use, started), use, started)
    return usage if found is usage else replace(found, samples=usage.samples + 1)


def _counted(usage: Usage, use: Use, started: float) -> Usage:
    """Counters say all of the run up to their time."""
    if use.counted is None or not max(usage.counted, started) < use.counted < INFINITY:
        return usage
    cpu, seconds = usage.cpu, usage.seconds
    if use.cpu_seconds is not None and use.cpu_seconds >= 0:
        seconds = use.counted - started
        cpu = use.cpu_seconds * 1000 / seconds
    return replace(usage, cpu=cpu, seconds=seconds, memory=max(usage.memory, _sound(use.peak)), counted=use.counted)


def _averaged(usage: Usage, use: Use, started: float) -> Usage:
    """A mean says what its window covers; each second counts once, and what counters cover they know better."""
    if not max(usage.until, started) < use.timestamp < INFINITY:
        return usage
    cpu, seconds = usage.cpu, usage.seconds
    covered = min(use.window, use.timestamp - max(started, usage.until))
    if use.cpu is not None and use.cpu >= 0 and covered > 0 and usage.counted < started:
        seconds = usage.seconds + covered
        cpu = (usage.cpu * usage.seconds + use.cpu * covered) / seconds
    io = use.io if use.io is not None and 0 <= use.io <= 1 else None
    if usage.io is not None and io is not None:
        io = usage.io + (io - usage.io) / (usage.samples + 1)
    return replace(
        usage,
        cpu=cpu,
        seconds=seconds,
        memory=max(usage.memory, _sound(use.memory)),
        io=usage.io if io is None else io,
        until=use.timestamp,
    )


def _sound(value: float | None) -> float:
    return value if value is not None and value > 0 else 0.0
