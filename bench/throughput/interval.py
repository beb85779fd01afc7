"""Ratios of pairs, and how sure they are."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from loadstar.simulate import outcome
from loadstar.simulate.difference import half_width


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies, by nearest rank; NaN of nothing."""
    return outcome.percentile(sorted(values), share) if values else math.nan


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float | int | None]:
    """The mean ratio of pairs (geometric) with its 95 % interval (t on the logarithms); one pair has none."""
    logs = [math.log(our / their) for our, their in zip(ours, theirs, strict=True)]
    mean = statistics.fmean(logs)
    half = half_width(logs)
    if half is None:
        return {"mean": round(math.exp(mean), 3), "low": None, "high": None, "pairs": len(logs)}
    return {
        "mean": round(math.exp(mean), 3),
        "low": round(math.exp(mean - half), 3),
        "high": round(math.exp(mean + half), 3),
        "pairs": len(logs),
    }
