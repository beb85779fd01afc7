"""What rounds come to, what is claimed of them, and where it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.live.real_learned import parts, whole
from bench.live.real_rounds import BEGIN, END, SCENARIO, claims, publish, summed

Json = dict[str, Any]

CONDITIONS: Json = {"command": "make it", "date": "2026-01-01", "commit": "abc", "machine": "2 cores"}


def crowd(at_once: float, run: float) -> Json:
    """A run of a policy."""
    return {
        "at_once": at_once,
        "run_mean_s": run,
        "run_p99_s": run + 2,
        "ended_per_minute": at_once,
        "total_mean": 2.0,
        "total_p99": 3.0,
        "slowdown_mean": run / 60,
        "oom": 0,
        "waited": 0.5,
        "tasks": 40,
    }


def one(at_once: float = 24.0, run: float = 61.0, recovered: int = 5, failures: int = 0) -> Json:
    """A round."""
    kills = {"tasks": 18, "succeeded": 18, "killed": 5, "recovered": recovered, "failures": failures, "evicted": 0}
    return {"Declared": crowd(12.0, 60.0), "Learned": crowd(at_once, run), "kills": kills}


def holds(*rounds: Json) -> list[bool]:
    """Of each claim, whether it does."""
    return [found for _, found, _ in claims(summed(dict(enumerate(rounds)))[1])]


def test_claims_are_told_by_the_unfavourable_end_of_the_interval() -> None:
    """More at once, hardly longer, and every kill recovered."""
    assert holds(one(24), one(24.2)) == [True, True, True]
    assert holds(one(12.5), one(30)) == [False, True, True]
    assert holds(one(run=60), one(run=66)) == [True, False, True]
    assert holds(one(), one(recovered=4)) == [True, True, False]
    assert holds(one(), one(failures=1)) == [True, True, False]


def test_kills_are_counted_over_all_rounds_and_none_at_all_proves_nothing() -> None:
    """A claim of what never happened does not hold."""
    kills = summed({0: one(), 1: one()})[1]["kills"]
    assert (kills["killed"], kills["recovered"]) == (10, 10)
    never = one()
    never["kills"] |= {"killed": 0, "recovered": 0}
    assert holds(never, never)[2] is False


def test_who_goes_first_alternates_and_a_round_is_whole_with_all_its_parts() -> None:
    """What is missing is run, and nothing else."""
    assert parts(0) == ["Declared", "Learned", "kills"]
    assert parts(1) == ["Learned", "Declared", "kills"]
    assert whole(one())
    assert not whole({"Learned": {}, "kills": {}})


def test_a_report_leaves_other_levels_and_the_rest_of_the_page(tmp_path: Path) -> None:
    """The table stands between its marks, the rows under L3."""
    result, page = tmp_path / "learned.json", tmp_path / "page.md"
    result.write_text(json.dumps({"levels": {"L1": {"scenarios": ["a"]}}, "scenarios": {"a": {"x": 1}}}))
    page.write_text(f"before\n{BEGIN}former\n{END}\nafter\n")
    publish({0: one(), 1: one(25.0, 61.5)}, CONDITIONS, result, page)
    kept = json.loads(result.read_text())
    assert kept["scenarios"]["a"] == {"x": 1}
    row = kept["scenarios"][SCENARIO]["Learned"]
    assert {"total_mean", "total_p99", "slowdown_mean", "oom", "waited"} <= row.keys()
    assert kept["levels"]["L3"]["scenarios"] == [SCENARIO]
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "former" not in text
    assert "| Tasks that run at once, in the mean | 12.0 | 24.5 |" in text
