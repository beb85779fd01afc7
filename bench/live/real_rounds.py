"""What rounds on real nodes come to: into learned.json under L3, and the tables of docs/learned-requests.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from bench import levels
from bench.conditions import ROOT
from bench.learned import RESULT
from bench.section import write as put
from bench.throughput.interval import ratio

Json = dict[str, Any]

LEVEL = "L3"
SCENARIO = "real-x3.0"
POLICIES = ("Declared", "Learned")
MORE, LONGER = 1.5, 1.05
DOCUMENT = ROOT / "docs" / "learned-requests.md"
BEGIN = "<!-- real: written by bench/live/real_rounds.py -->\n"
END = "<!-- end of real -->"
ROW = ("total_mean", "total_p99", "slowdown_mean")


def summed(rounds: Mapping[int, Json]) -> tuple[Json, Json]:
    """Of whole rounds: the rows of the policies, and what stands beside them."""
    rows = {policy: row([each[policy] for each in rounds.values()]) for policy in POLICIES}
    pairs = {
        name: ratio(*([each[policy][name] for each in rounds.values()] for policy in ("Learned", "Declared")))
        for name in ("at_once", "run_mean_s", "run_p99_s", "total_mean")
    }
    kills = {
        name: sum(each["kills"][name] for each in rounds.values())
        for name in ("tasks", "succeeded", "killed", "recovered", "failures", "evicted")
    }
    each = [{"round": number, **{part: one[part] for part in (*POLICIES, "kills")}} for number, one in rounds.items()]
    return rows, {"learned_to_declared": pairs, "kills": kills, "rounds": each}


def row(runs: Sequence[Json]) -> Json:
    """Means over the rounds; `oom` and `waited` as shares of Tasks. Of Tasks that had a node within the time."""
    tasks = sum(run["tasks"] for run in runs)
    return {
        **{name: round(fmean(run[name] for run in runs), 4) for name in ROW},
        "oom": round(sum(run["oom"] for run in runs) / tasks, 5),
        "waited": round(fmean(run["waited"] for run in runs), 4),
        "at_once": round(fmean(run["at_once"] for run in runs), 2),
        "run_mean_s": round(fmean(run["run_mean_s"] for run in runs), 3),
        "tasks": tasks,
    }


def claims(beside: Json) -> list[tuple[str, bool, str]]:
    """Each in words, whether it holds, and by what."""
    pairs, kills = beside["learned_to_declared"], beside["kills"]
    crowd, run = pairs["at_once"], pairs["run_mean_s"]
    return [
        (
            f"at least {MORE:g} times as many Tasks run at once",
            (crowd["low"] or crowd["mean"]) >= MORE,
            interval(crowd),
        ),
        (f"their runs take at most {LONGER - 1:.0%} longer", (run["high"] or run["mean"]) <= LONGER, interval(run)),
        (
            "every Task that was killed below what it declares succeeds without an attempt spent",
            kills["recovered"] == kills["killed"] > 0 and kills["failures"] == 0,
            f"{kills['recovered']} of {kills['killed']}, {kills['failures']} attempts spent",
        ),
    ]


def interval(found: Json) -> str:
    """A ratio with its interval."""
    if found["low"] is None:
        return f"{found['mean']:.3f}"
    return f"{found['mean']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def section(conditions: Json, rows: Json, beside: Json) -> list[str]:
    """All of it, as Markdown."""
    pairs, kills = beside["learned_to_declared"], beside["kills"]
    lines = [
        "`{command}`, {date}, commit {commit}, {machine}; {rounds} rounds.".format(**conditions),
        "",
        "| | Declared | Learned | ratio of rounds (95 %) |",
        "|---|---|---|---|",
    ]
    for text, name, form in (
        ("Tasks that run at once, in the mean", "at_once", "{:.1f}"),
        ("seconds of a run, mean", "run_mean_s", "{:.2f}"),
        ("from arrival to end, as a multiple of the work", "total_mean", "{:.2f}"),
    ):
        cells = [form.format(rows[policy][name]) for policy in POLICIES]
        lines.append(f"| {text} | {' | '.join(cells)} | {interval(pairs[name])} |")
    lines += [
        "",
        (
            f"Of {kills['tasks']} Tasks that grew past what was learned {kills['killed']} were killed by the kernel "
            f"below what they declare, and {kills['evicted']} evicted; {kills['succeeded']} ended in SUCCESS."
        ),
        "",
        "| claim | holds | |",
        "|---|---|---|",
    ]
    lines += [
        f"| {text} | {'yes' if holds else '**no**'} | {because} |"
        for text, holds, because in sorted(claims(beside), key=lambda claim: claim[1])
    ]
    return lines


def publish(rounds: Mapping[int, Json], conditions: Json, result: Path = RESULT, document: Path = DOCUMENT) -> None:
    """Into learned.json and the page; said too."""
    rows, beside = summed(rounds)
    conditions = {**conditions, "rounds": len(rounds)}
    levels.keep(result, LEVEL, conditions, {"scenarios": {SCENARIO: rows}, "beside": {SCENARIO: beside}})
    lines = section(conditions, rows, beside)
    put(document, BEGIN, END, "\n".join([*lines, ""]))
    print("\n".join(lines))
