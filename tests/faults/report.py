"""What a battery found: as JSON for machines and for comparison, as a page for people."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.battery import Battery
from tests.faults.fault import ABOUT, Fault
from tests.faults.scenarios import BY_NAME

ROOT = Path(__file__).parents[2]
JSON = ROOT / "bench/results/battery.json"
PAGE = ROOT / "docs/battery.md"

Found = dict[str, Any]


def summary(battery: Battery, seconds: float) -> Found:
    """All numbers, and every case that is bad."""
    results = sorted(battery.results, key=lambda result: result.name)
    kinds, scenarios = Counter[str](), Counter[str]()
    for result in results:
        scenario, fault = result.name.split("/")
        scenarios[scenario] += 1
        kinds[Fault.parse(fault).kind.value] += 1
    return {
        "command": " ".join(["python -m tests.faults", *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        "seconds": round(seconds, 1),
        "scenarios": len(scenarios),
        "points": sum(battery.points.values()),
        "cases": len(results),
        "differences": sum(len(result.differences) for result in results),
        "violations": sum(len(result.violations) for result in results),
        "cases_by_fault": dict(sorted(kinds.items())),
        "by_scenario": {
            name: {"points": battery.points.get(name, 0), "cases": count} for name, count in sorted(scenarios.items())
        },
        "bad": [
            {"case": result.name, "differences": list(result.differences), "violations": list(result.violations)}
            for result in results
            if not result.good
        ],
    }


def sentence(found: Found) -> str:
    """The numbers in a line."""
    return (
        f"{found['cases']} cases over {found['points']} mutating requests of {found['scenarios']} scenarios in "
        f"{found['seconds']:.0f} s: {found['differences']} differences, {found['violations']} violations, "
        f"{len(found['bad'])} bad cases"
    )


def write(found: Found) -> None:
    """Keep the report."""
    JSON.parent.mkdir(parents=True, exist_ok=True)
    JSON.write_text(json.dumps(found, indent=2) + "\n")
    PAGE.write_text(page(found))


def page(found: Found) -> str:
    """The report for people."""
    lines = [
        "# The last fault battery",
        "",
        f"{sentence(found)}.",
        "",
        f"`{found['command']}`, {found['date']}, {found['machine']}. What it does: [faults.md](faults.md).",
        "",
        "| scenario | what happens | mutating requests | cases |",
        "|---|---|---:|---:|",
        *(
            f"| {name} | {BY_NAME[name].about} | {counts['points']} | {counts['cases']} |"
            for name, counts in found["by_scenario"].items()
        ),
        "",
        "| fault | what is done | cases |",
        "|---|---|---:|",
        *(
            f"| {kind.value} | {about} | {found['cases_by_fault'].get(kind.value, 0)} |"
            for kind, about in ABOUT.items()
        ),
    ]
    if found["bad"]:
        lines += ["", "## Bad cases", ""]
        for bad in found["bad"]:
            lines += [f"- `{bad['case']}`", *(f"  - {line}" for line in bad["violations"] + bad["differences"])]
    return "\n".join(lines) + "\n"
