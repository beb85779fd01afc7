"""The tables of docs/benchmarks-placement.md, between their marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.placement.claims import ORACLE, claims
from bench.placement.scenarios import OURS, SCENARIOS
from bench.section import write as put

Json = dict[str, Any]

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks-placement.md"
BEGIN = "<!-- placement: written by bench/placement/page.py -->\n"
END = "<!-- end of placement -->"


def table(rows: Json, beside: Json) -> list[str]:
    """One scenario."""
    lines = [
        "| policy | mean | p95 | p99 | with the wait | against LoadAware | sd of load | > 3 x work | waited |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for policy, row in rows.items():
        more = beside[policy]
        gap = more["total_mean"]
        against = "" if policy == OURS else f"{gap['difference']:+.3f} ± {gap['half'] or 0:.3f} {gap['verdict']}"
        lines.append(
            f"| {policy} | {row['mean']:.3f} | {row['p95']:.2f} | {row['p99']:.2f} | {row['total_mean']:.3f} "
            f"| {against} | {row['sd']:.3f} | {more['failed']:.2%} | {more['waited']:.1%} |"
        )
    return lines


def completions(beside: Json) -> list[str]:
    """Of runs on real nodes, whose Tasks tell seconds: from arrival to end, and how much longer than with LoadAware."""
    lines = ["| policy | to the end, mean | against LoadAware | p99 | against LoadAware |", "|---|---|---|---|---|"]
    for policy, more in beside.items():
        cells = []
        for found in more["completion"].values():
            against = f"{found['mean']:+.2f} ± {found['half'] or 0:.2f} s {found['verdict']}"
            cells += [f"{found['value']:.1f} s", "" if policy == OURS else against]
        lines.append(f"| {policy} | {' | '.join(cells)} |")
    return lines


def overview(document: Json, names: list[str]) -> list[str]:
    """A line for each scenario: who is worse than LoadAware, level with it, better; regret; evenness of load."""
    lines = [
        "| scenario | worse than LoadAware | level | better | regret to the oracle | sd against KubeScheduler |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        rows, beside = document["scenarios"][name], document["beside"][name]
        by: dict[str, list[str]] = {"worse": [], "level": [], "better": []}
        for policy, more in beside.items():
            if policy not in {OURS, ORACLE}:
                by[more["total_mean"]["verdict"]].append(policy)
        regret = f"{rows[OURS]['mean'] / rows[ORACLE]['mean'] - 1:.1%}" if ORACLE in rows else "not run"
        even = rows[OURS]["sd"] / rows["KubeScheduler"]["sd"]
        cells = [listed(by[verdict], rows) for verdict in ("worse", "level", "better")]
        lines.append(f"| {name} | {' | '.join(cells)} | {regret} | {even:.2f} |")
    return lines


def listed(policies: list[str], rows: Json) -> str:
    """Names, or that it is all of them."""
    rivals = rows.keys() - {OURS, ORACLE}
    return "all" if len(policies) == len(rivals) else ", ".join(policies) or "none"


def borne_out(document: Json, names: list[str]) -> list[str]:
    """Every claim with what the runs say of it; first those that they do not bear out."""
    told = claims(*({name: document[part][name] for name in names} for part in ("scenarios", "beside")))
    lines = ["| claim | scenario | holds | |", "|---|---|---|---|"]
    lines += [
        f"| {claim.text} | {claim.scenario} | {'yes' if claim.holds else '**no**'} | {claim.because} |"
        for claim in sorted(told, key=lambda claim: claim.holds)
    ]
    return lines


def against_round_robin(points: list[Json]) -> list[str]:
    """The curve as a table: how often what LoadAware adds to the work is in what round robin adds; failures."""
    lines = [
        "| requests | load | RoundRobin | LoadAware | time ÷ | excess ÷ | > 3 x work, RoundRobin | LoadAware | ÷ |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for item in points:
        theirs, ours = item["RoundRobin"], item[OURS]
        text = f"x{item['factor']:g}" if item["factor"] else "none"
        excess = (theirs["mean"] - 1) / max(1e-9, ours["mean"] - 1)
        lines.append(
            f"| {text} | {item['load']:.2f} | {theirs['mean']:.3f} | {ours['mean']:.3f} "
            f"| {theirs['mean'] / ours['mean']:.2f} | {excess:.1f} | {theirs['failed']:.2%} | {ours['failed']:.2%} "
            f"| {times(theirs['failed'], ours['failed'])} |"
        )
    return lines


def times(theirs: float, ours: float) -> str:
    """A ratio where there is one."""
    if ours:
        return f"{theirs / ours:.1f}"
    return "none left" if theirs else "none either way"


def section(document: Json) -> str:
    """All of it."""
    said = []
    for level, conditions in document["levels"].items():
        names = [name for name in conditions["scenarios"] if name in document["scenarios"]]
        said += [
            f"### {level}",
            "",
            "`{command}`, {date}, commit {commit}, {machine}, Python {python}.".format(**conditions),
            "",
            *overview(document, names),
            "",
            *borne_out(document, names),
            "",
        ]
        for name in names:
            text = conditions.get("texts", {}).get(name) or SCENARIOS[name].text
            rows = table(document["scenarios"][name], document["beside"][name])
            said += [f"#### {name}", "", f"{text[0].upper()}{text[1:]}.", "", *rows, ""]
            if "completion" in document["beside"][name][OURS]:
                said += [*completions(document["beside"][name]), ""]
        if points := conditions.get("curve"):
            said += ["#### Against round robin", "", *against_round_robin(points), ""]
    return "\n".join(said)


def write(document: Json) -> None:
    """Put the tables into the page."""
    put(DOCUMENT, BEGIN, END, section(document))
