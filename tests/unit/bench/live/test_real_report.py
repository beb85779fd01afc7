"""Pairs on real nodes have what every level has, what the simulator makes of them, and seconds."""

from __future__ import annotations

from typing import Any

from bench.live.real_report import SCENARIO, summed
from bench.live.real_trace import trace
from bench.placement.claims import claims
from bench.placement.page import completions

Json = dict[str, Any]


def run(mean: float, seconds: float) -> Json:
    """One run of a policy."""
    measures = {"mean": mean, "p95": mean, "p99": 2 * mean, "total_mean": mean + 0.1, "sd": 0.1}
    return {"measures": measures, "completion_mean_s": seconds, "completion_p99_s": 2 * seconds}


def test_rows_intervals_twins_and_seconds() -> None:
    """Theirs less ours, pair by pair; claims go by real nodes and the simulator alike."""
    pairs = {
        1: {"policies": {"LoadAware": run(1.05, 25), "KubeScheduler": run(1.2, 30)}},
        2: {"policies": {"LoadAware": run(1.06, 26), "KubeScheduler": run(1.22, 31.2)}},
    }
    lesson = trace(0, 30, 0.3)
    rows, beside = summed(pairs, {seed: trace(seed, 60, 0.3) for seed in pairs}, lesson)
    assert rows["LoadAware"].keys() == {"mean", "p95", "p99", "total_mean", "sd", "ci95"}
    assert rows["KubeScheduler"]["mean"] == 1.21
    theirs = beside["KubeScheduler"]
    assert theirs["mean"]["verdict"] == "worse"
    assert theirs["completion"]["completion_mean_s"]["mean"] == 5.1
    assert theirs["completion"]["completion_p99_s"]["value"] == 61.2
    assert {"mean", "p99", "total_mean", "level"} <= theirs["simulated"].keys()
    table = completions(beside)
    assert table[2].startswith("| LoadAware | 25.5 s |  | 51.0 s |  |")
    assert "+5.10 ±" in table[3]
    told = claims({SCENARIO: rows}, {SCENARIO: beside})
    assert any(claim.text == "the order of policies is that of the simulator" for claim in told)
