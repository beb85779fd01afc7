"""A plot of trials: the slowdown with the wait over the count of nodes, or of each way on one count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadstar.simulate.contest import Result

MISSING = "plots need matplotlib: pip install 'loadstar[plots]'"


class PlotsMissingError(ImportError):
    """matplotlib is not installed; the message says how it would be."""


def library() -> Any:
    """The plotting library. Raises PlotsMissingError."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, which the operator does not have

        mpl.use("agg")
        from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen
    except ImportError as error:
        raise PlotsMissingError(MISSING) from error
    return plt


def draw(results: Sequence[Result], goal: float, file: Path) -> None:
    """Draw into the file, whose ending says as what: .png, .svg, .pdf. Raises PlotsMissingError."""
    plt = library()
    counts = sorted({result.trial.nodes for result in results})
    figure, (slow, even) = plt.subplots(1, 2, figsize=(10, 4))
    ways = list(dict.fromkeys(result.trial.way for result in results))
    for panel, name, title in (
        (slow, "total_mean", "mean slowdown with the wait"),
        (even, "sd", "deviation of node load"),
    ):
        if len(counts) > 1:
            for way in ways:
                each = sorted((r for r in results if r.trial.way == way), key=lambda r: r.trial.nodes)
                panel.plot([r.trial.nodes for r in each], [r.mean(name) for r in each], "o-", label=way)
            panel.set_xlabel("nodes")
        else:
            panel.barh([result.trial.way for result in results], [result.mean(name) for result in results])
        panel.set_title(title)
        panel.grid(alpha=0.3)
    if len(counts) > 1:
        slow.axhline(goal, color="grey", linestyle=":", label="goal")
        slow.legend(frameon=False, fontsize=8)
    else:
        slow.axvline(goal, color="grey", linestyle=":")
    figure.tight_layout()
    figure.savefig(file)
    plt.close(figure)
