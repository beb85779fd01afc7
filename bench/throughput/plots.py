"""Plots of a result file, for docs/benchmarks.md."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl

from bench.throughput.report import RIVALS

Json = dict[str, Any]

NAMES = {"loadstar": "Loadstar", "job": "batch/v1 Job"}
COLOURS = {"loadstar": "#0b6e99", "job": "#c2702b"}
MEASURES = (
    ("per_s", "units finished a second"),
    ("p99_s", "p99 apply to Running, s"),
    ("cpu_ms", "controller CPU, ms a unit"),
)
PARTS = ("kube-apiserver", "etcd", "kwok", "kube-scheduler", "kube-controller-manager", "operator", "bench", "others")
SHADES = ("#4c566a", "#7b8aa0", "#a9b7c6", "#d0d7e1", "#c2702b", "#0b6e99", "#e6d6b8", "#f1f1f1")


def draw(result: Json, folder: Path) -> list[Path]:
    """Draw what the result has; returns the files."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "loadstar", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "savefig.bbox": "tight"})
    folder.mkdir(parents=True, exist_ok=True)
    return [_sizes(result, folder / "throughput.svg"), _bound(result, folder / "throughput-cpu.svg")]


def _sizes(result: Json, file: Path) -> Path:
    """Units a second, waiting and CPU a unit, over the count of units and over the count of nodes."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    head = result["headline"]
    figure, axes = plt.subplots(3, 2, figsize=(9, 8.5), sharey="row", squeeze=False)
    for column, (over, fixed) in enumerate((("units", "nodes"), ("nodes", "units"))):
        sizes = sorted((c for c in result["sizes"] if c[fixed] == head[fixed]), key=lambda c: float(c[over]))
        for row, (key, title) in enumerate(MEASURES):
            panel = axes[row][column]
            for rival in RIVALS:
                points = [(c[over], c[rival][key]) for c in sizes if rival in c]
                if points:
                    panel.plot(*zip(*points, strict=True), "o-", label=NAMES[rival], color=COLOURS[rival])
            panel.set_xscale("log")
            panel.set_xticks([c[over] for c in sizes], [f"{c[over]:,}" for c in sizes])
            panel.minorticks_off()
            panel.set_ylim(bottom=0)
            if column == 0:
                panel.set_ylabel(title)
            if row == 2:
                panel.set_xlabel(f"{over} ({head[fixed]:,} {fixed})")
    axes[0][0].legend(frameon=False)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    return file


def _bound(result: Json, file: Path) -> Path:
    """Where the machine's CPU goes for one unit, by process."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    head = result["headline"]
    rows = [r for r in result["rows"] if (r["units"], r["nodes"]) == (head["units"], head["nodes"])]
    figure, panel = plt.subplots(figsize=(9, 2.4))
    for place, rival in enumerate(reversed(RIVALS)):
        runs = [row for row in rows if row["rival"] == rival]
        left = 0.0
        for part, shade in zip(PARTS, SHADES, strict=True):
            spent = [row["cpu_s"].get(part, 0.0) / row["units"] * 1000 for row in runs]
            width = statistics.median(spent) if spent else 0.0
            panel.barh(NAMES[rival], width, left=left, color=shade, label=part if place == 0 else None)
            left += width
    panel.set_xlabel(f"ms of CPU a unit, {head['units']:,} units on {head['nodes']:,} nodes")
    panel.grid(visible=False, axis="y")
    panel.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    return file
