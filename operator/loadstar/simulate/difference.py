"""Differences of pairs of runs that met the same seeds, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Final

T_95: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t for 95 %, two-sided, by degrees of freedom from 1 on; beyond, the last is on the safe side."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of paired differences, and half of its 95 % interval; None with fewer than two pairs."""

    mean: float
    half: float | None

    @property
    def verdict(self) -> str:
        """Of theirs against ours, where less is better: "worse", "better" or "level"."""
        if self.half is None or abs(self.mean) <= self.half:
            return "level"
        return "worse" if self.mean > 0 else "better"


def difference(theirs: Sequence[float], ours: Sequence[float]) -> Difference:
    """Theirs less ours, pair by pair."""
    pairs = [their - our for their, our in zip(theirs, ours, strict=True)]
    return Difference(fmean(pairs), half_width(pairs))


def half_width(values: Sequence[float]) -> float | None:
    """Half of the 95 % interval of the mean of some values (Student's t); None with fewer than two."""
    if len(values) < 2:  # noqa: PLR2004 - one value has no deviation
        return None
    return T_95[min(len(values) - 2, len(T_95) - 1)] * stdev(values) / math.sqrt(len(values))
