"""What Tasks of a class are known to use of what they request.

A class is what the same worker template makes: such Tasks are alike, whatever they are called. Requests are guesses;
the ratio of use to request is learned from Pods that were measured, and until then it is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from loadstar.core.model import Worker
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.core.reservations import Reservation

DEFAULT_CPU: Final = 250
DEFAULT_MEMORY: Final = 200 * 2**20
"""What a Pod is taken to request that names nothing, as Koordinator and Volcano have it."""
LEAST_ALPHA: Final = 0.05
"""The weight of a new observation, once many were seen."""
MOST_RATIO: Final = 100.0
"""A measurement that says more is an error or an accident, and is capped so that it cannot close the cluster."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a Pod was measured to use: millicores as the mean over [timestamp - window, timestamp], bytes, and the share
    of its node's I/O time. Of counters, `cpu_seconds` since its container started, and `peak`, the most bytes it ever
    had, both at the time `counted`. None = not measured.
    """

    cpu: float | None
    memory: float | None
    io: float | None
    timestamp: float
    window: float
    cpu_seconds: float | None = None
    peak: float | None = None
    counted: float | None = None


@dataclass(frozen=True, slots=True)
class Habit:
    """Mean ratio of use to request, and mean share of I/O time, over the observations so far, the recent ones most."""

    count: int = 0
    cpu: float = 1.0
    memory: float = 1.0
    io: float = 0.0


PRIOR: Final = Habit()


@lru_cache(maxsize=4096)
def digest(*parts: str | bytes) -> str:
    """A short name of these, the same after every restart. No part has a NUL, which stands between them."""
    raw = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return blake2b(raw, digest_size=8).hexdigest()


def class_of(worker: Worker) -> str:
    """The class of Tasks that run this: equal for equal templates, everywhere and after every restart."""
    return digest(worker.document)


def learned(habit: Habit, requests: Quantities, use: Use) -> Habit:
    """The habit after one more observation; the first replaces the prior. What is not measured teaches nothing."""
    count = habit.count + 1
    alpha = max(LEAST_ALPHA, 1 / count)

    def moved(old: float, new: float | None, most: float) -> float:
        # A comparison with NaN is false: what is no number is no observation.
        return old + alpha * (min(new, most) - old) if new is not None and new >= 0 else old

    def ratio(used: float | None, request: int) -> float | None:
        return None if used is None else used / request

    return Habit(
        count,
        moved(habit.cpu, ratio(use.cpu, requests.get(CPU) or DEFAULT_CPU), MOST_RATIO),
        moved(habit.memory, ratio(use.memory, requests.get(MEMORY) or DEFAULT_MEMORY), MOST_RATIO),
        moved(habit.io, use.io, 1.0),
    )


def expected(
    requests: Quantities, habit: Habit = PRIOR, started: float | None = None, finished: float | None = None
) -> Reservation:
    """What a Pod with these requests is expected to use."""
    return Reservation(
        cpu=round((requests.get(CPU) or DEFAULT_CPU) * habit.cpu),
        memory=round((requests.get(MEMORY) or DEFAULT_MEMORY) * habit.memory),
        # Rounded, so that Tasks of a class are alike from one sample to the next.
        io=round(habit.io, 2),
        started=started,
        finished=finished,
    )
