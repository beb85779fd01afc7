"""How much a measured value moves about: the exponentially weighted deviation of successive samples."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

ALPHA: Final = 0.2
"""The weight of the newest sample."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Mean and variance of the samples so far, the recent ones counting most; both None before the first."""

    mean: float | None = None
    variance: float = 0.0

    def seen(self, value: float) -> Deviation:
        """With one more sample."""
        if self.mean is None:
            return Deviation(value)
        off = value - self.mean
        return Deviation(self.mean + ALPHA * off, (1 - ALPHA) * (self.variance + ALPHA * off * off))

    @property
    def sigma(self) -> float:
        """The standard deviation."""
        return sqrt(self.variance)


UNSEEN: Final = Deviation()
