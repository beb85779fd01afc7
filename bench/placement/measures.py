"""What pairs of runs come to: each policy meets the same seeds, so differences are taken seed by seed.

It serves every level: a run in the simulator and one on a cluster have the same measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from loadstar.simulate.difference import difference


@dataclass(frozen=True, slots=True)
class Measures:
    """One run. Multiples of a Task's work: `mean`, `p95`, `p99` of what contention makes of it, `total_mean` with the
    wait for a node; `sd` of the nodes' CPU load, in the mean over time; `failed`: the share of Tasks whose run took
    longer than three times their work, `waited` of those that waited for a second.
    """

    mean: float
    p95: float
    p99: float
    total_mean: float
    sd: float
    failed: float = 0.0
    waited: float = 0.0


def rows(runs: Mapping[str, Sequence[Measures]], ours: str) -> dict[str, dict[str, float]]:
    """By policy what placement.json has of it: means over the seeds, and half of the interval of `total_mean`."""
    found = {}
    for policy, each in runs.items():
        half = difference([run.total_mean for run in each], [run.total_mean for run in runs[ours]]).half
        row = {name: fmean(getattr(run, name) for run in each) for name in ("mean", "p95", "p99", "total_mean", "sd")}
        found[policy] = {name: round(value, 4) for name, value in {**row, "ci95": half or 0.0}.items()}
    return found


def beside(runs: Mapping[str, Sequence[Measures]], ours: str) -> dict[str, dict[str, object]]:
    """By policy the paired differences against ours, of the slowdown with and without the wait and of its 99th
    percentile, and all the runs.
    """
    found: dict[str, dict[str, object]] = {}
    for policy, each in runs.items():
        entry: dict[str, object] = {}
        for name in ("mean", "p99", "total_mean"):
            gap = difference([getattr(run, name) for run in each], [getattr(run, name) for run in runs[ours]])
            entry[name] = {"difference": round(gap.mean, 4), "half": _rounded(gap.half), "verdict": gap.verdict}
        entry["failed"] = round(fmean(run.failed for run in each), 5)
        entry["waited"] = round(fmean(run.waited for run in each), 4)
        entry["runs"] = [{name: round(value, 4) for name, value in asdict(run).items()} for run in each]
        found[policy] = entry
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
