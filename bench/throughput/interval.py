"""Ratios of pairs, and how sure they are."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t for 95 %, two-sided, by degrees of freedom from 1 on; beyond, the last is on the safe side."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies, by nearest rank; NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float | int | None]:
    """The mean ratio of pairs (geometric) with its 95 % interval (t on the logarithms); one pair has none."""
    logs = [math.log(our / their) for our, their in zip(ours, theirs, strict=True)]
    mean = statistics.fmean(logs)
    if len(logs) < 2:
        return {"mean": round(math.exp(mean), 3), "low": None, "high": None, "pairs": len(logs)}
    half = T_95[min(len(logs) - 2, len(T_95) - 1)] * statistics.stdev(logs) / math.sqrt(len(logs))
    return {
        "mean": round(math.exp(mean), 3),
        "low": round(math.exp(mean - half), 3),
        "high": round(math.exp(mean + half), 3),
        "pairs": len(logs),
    }
