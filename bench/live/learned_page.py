"""The tables of L2 in docs/learned-requests.md, between their marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.live.benchmark import LEVEL
from bench.section import write as put

Json = dict[str, Any]
Told = tuple[str, str, bool, str]

DOCUMENT = Path(__file__).parents[2] / "docs" / "learned-requests.md"
BEGIN = "<!-- live: written by bench/live/learned_page.py -->\n"
END = "<!-- end of live -->"


def section(document: Json, told: Sequence[Told]) -> list[str]:
    """The level's conditions, a line for each scenario and policy, and every claim."""
    conditions = document["levels"][LEVEL]
    lines = [
        "`{command}`, {date}, commit {commit}, {machine}.".format(**conditions),
        "",
        "| scenario | pairs | policy | total mean | total p99 | slowdown | OOMs | waited | simulated: total mean |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in conditions["scenarios"]:
        simulated = document["beside"][name]["simulated"]
        for policy, row in document["scenarios"][name].items():
            lines.append(
                f"| {name} | {conditions['pairs'][name]} | {policy} | {row['total_mean']:.2f} | {row['total_p99']:.1f} "
                f"| {row['slowdown_mean']:.3f} | {row['oom']:.3%} | {row['waited']:.1%} "
                f"| {simulated[policy]['total_mean']:.2f} |"
            )
    lines += ["", "| claim | scenario | holds | |", "|---|---|---|---|"]
    lines += [
        f"| {text} | {name} | {'yes' if holds else '**no**'} | {because} |"
        for name, text, holds, because in sorted(told, key=lambda claim: claim[2])
    ]
    return lines


def write(lines: Sequence[str]) -> None:
    """Put them into the page."""
    put(DOCUMENT, BEGIN, END, "\n".join([*lines, ""]))
