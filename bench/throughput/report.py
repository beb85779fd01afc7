"""The result file: raw rows, what they come to, and under which conditions; written after every run."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.conditions import processor, revision
from bench.throughput.interval import ratio
from bench.throughput.replica import INTERPRETER
from tests.cluster.binaries import KUBERNETES_VERSION

Json = dict[str, Any]

RIVALS = ("loadstar", "job")
APART = {"bench", "others", "idle"}
"""CPU that is not the cluster's."""


class Report:
    """Grows with every run."""

    def __init__(self, path: Path, command: str, settings: Json, headline: tuple[int, int], root: Path) -> None:
        self.path = path
        self.rows: list[Json] = []
        self.memory: Json | None = None
        self._headline = headline
        self._head: Json = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
            "commit": revision(root),
            "machine": machine(),
            "settings": settings,
        }

    def add(self, row: Json) -> None:
        """Take in a run."""
        self.rows.append(row)
        self.write(complete=False)

    def write(self, *, complete: bool) -> None:
        """Write all there is so far."""
        document = {**self._head, "complete": complete, **summary(self.rows, self._headline, self.memory)}
        document |= {"memory": self.memory, "rows": self.rows}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".tmp")
        partial.write_text(json.dumps(document, indent=1) + "\n")
        partial.replace(self.path)


def summary(rows: Sequence[Json], headline: tuple[int, int], memory: Json | None) -> Json:
    """The figures that are asked for, at the headline's size, and the same at every size."""
    cells = [cell(rows, size) for size in dict.fromkeys((row["units"], row["nodes"]) for row in rows)]
    first = next((found for found in cells if (found["units"], found["nodes"]) == headline), {})
    return {
        "headline": {"units": headline[0], "nodes": headline[1]},
        "loadstar_per_s": first.get("loadstar", {}).get("per_s"),
        "job_per_s": first.get("job", {}).get("per_s"),
        "ratio": first.get("ratio"),
        "p99_ratio": first.get("p99_ratio"),
        "writes_per_task": first.get("loadstar", {}).get("writes"),
        "cpu_ms_per_task": first.get("loadstar", {}).get("cpu_ms"),
        "cluster_cpu_ratio": first.get("cluster_cpu_ratio"),
        "rss_mb_50k": memory["rss_mb_after_60_s"] if memory else None,
        "rss_mb_50k_peak": memory["rss_mb_peak"] if memory else None,
        "sizes": cells,
    }


def cell(rows: Sequence[Json], size: tuple[int, int]) -> Json:
    """One size: medians of each rival, ratios over its pairs."""
    here = [row for row in rows if (row["units"], row["nodes"]) == size]
    result: Json = {"units": size[0], "nodes": size[1]}
    pairs: dict[str, list[Json]] = {}
    for rival in RIVALS:
        runs = [row for row in here if row["rival"] == rival]
        pairs[rival] = runs
        if runs:
            result[rival] = {
                "runs": len(runs),
                "per_s": _median([row["per_s"] for row in runs]),
                "p50_s": _median([row["to_running_s"]["p50"] for row in runs]),
                "p99_s": _median([row["to_running_s"]["p99"] for row in runs]),
                "writes": _median([row["own_calls_per_unit"] for row in runs]),
                "all_writes": _median([row["all_calls_per_unit"] for row in runs]),
                "cpu_ms": _median([controller_ms(row) for row in runs]),
                "cluster_cpu_ms": _median([cluster_ms(row) for row in runs]),
                "rss_mb": _median([row["rss_mb"][controller(rival)] for row in runs]),
            }
    whole = min(len(runs) for runs in pairs.values())
    if whole:
        ours, theirs = (pairs[rival][:whole] for rival in RIVALS)
        result["ratio"] = ratio([row["per_s"] for row in ours], [row["per_s"] for row in theirs])
        p99 = [[row["to_running_s"]["p99"] for row in runs] for runs in (ours, theirs)]
        result["p99_ratio"] = ratio(*p99)
        result["cluster_cpu_ratio"] = ratio([cluster_ms(row) for row in ours], [cluster_ms(row) for row in theirs])
    return result


def controller(rival: str) -> str:
    """The process that carries a rival."""
    return "operator" if rival == "loadstar" else "kube-controller-manager"


def controller_ms(row: Json) -> float:
    """Milliseconds of the controller's CPU a unit."""
    return float(row["cpu_s"][controller(row["rival"])] / row["units"] * 1000)


def cluster_ms(row: Json) -> float:
    """Milliseconds of CPU a unit that the whole cluster took; where the cores are full, this bounds the throughput."""
    spent: float = sum(value for name, value in row["cpu_s"].items() if name not in APART)
    return spent / int(row["units"]) * 1000


def machine() -> Json:
    """What it ran on."""
    kib = int(Path("/proc/meminfo").read_text().split("\n", 1)[0].split()[1])
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(kib / 2**20, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "operator_interpreter": str(INTERPRETER),
        "kubernetes": KUBERNETES_VERSION,
        "load_before": round(os.getloadavg()[0], 2),
    }


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3)
