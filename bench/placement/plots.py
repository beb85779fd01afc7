"""Plots of placement.json, in bench/results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

from bench.placement.scenarios import OURS

Json = dict[str, Any]

COLOURS = {OURS: "#0b6e99", "oracle": "#7b8aa0"}
OTHER = "#c2702b"
CAP = 2.0
"""A bar ends here; the number beside it says how long it would be."""


def draw(document: Json, folder: Path) -> list[Path]:
    """Draw what there is; returns the files."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "loadstar", "font.size": 8, "axes.grid": True, "grid.alpha": 0.3})
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "savefig.bbox": "tight"})
    folder.mkdir(parents=True, exist_ok=True)
    found = [_bars(document["scenarios"], folder / "placement.svg")]
    curve = document["levels"].get("L1", {}).get("curve")
    return [*found, _curve(curve, folder / "placement-curve.svg")] if curve else found


def _bars(scenarios: Json, file: Path) -> Path:
    """A panel for each scenario: the slowdown with the wait of each policy, and the interval against ours."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    columns = 3
    lines = -(-len(scenarios) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(11, 2.3 * lines), squeeze=False)
    for panel in axes.flat[len(scenarios) :]:
        panel.remove()
    for panel, (name, rows) in zip(axes.flat, scenarios.items(), strict=False):
        for place, (policy, row) in enumerate(reversed(rows.items())):
            excess = row["total_mean"] - 1
            panel.barh(
                place, min(excess, CAP), xerr=row["ci95"] if excess < CAP else None, color=COLOURS.get(policy, OTHER)
            )
            panel.text(min(excess + row["ci95"], CAP), place, f" {row['total_mean']:.3f}", va="center", fontsize=6)
        panel.set_yticks(range(len(rows)), list(reversed(rows)), fontsize=6)
        panel.set_title(name, fontsize=8)
    figure.suptitle("mean slowdown with the wait, less 1; bars: half of the paired 95 % interval against LoadAware")
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    return file


def _curve(points: list[Json], file: Path) -> Path:
    """Round robin's excess over ours, over load, a line for each error of requests."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    factors = list(dict.fromkeys(item["factor"] for item in points))
    for panel, (key, title) in zip(
        axes, (("mean", "mean slowdown of its run"), ("failed", "share that takes > 3 x its work")), strict=True
    ):
        for number, factor in enumerate(factors):
            here = [item for item in points if item["factor"] == factor]
            text = f"requests x{factor:g}" if factor else "no requests"
            for policy, style in ((OURS, "o-"), ("RoundRobin", "s--")):
                panel.plot(
                    [item["load"] for item in here],
                    [item[policy][key] for item in here],
                    style,
                    color=f"C{number}",
                    label=f"{policy}, {text}",
                    markersize=3,
                    linewidth=1,
                )
        panel.set_xlabel("load")
        panel.set_title(title)
    axes[0].legend(frameon=False, fontsize=6)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    return file
