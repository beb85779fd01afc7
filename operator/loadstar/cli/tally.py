"""The answer of `loadstar simulate`: as lines and as an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from loadstar.cli.columns import columns
from loadstar.simulate.contest import Result, advice
from loadstar.simulate.outcome import Outcome

HEADS: Final = (
    "NODES",
    "STRATEGY",
    "WEIGHTS",
    "MEAN",
    "P95",
    "P99",
    "TOTAL",
    "TOTAL-P99",
    "LATE",
    "WAITED",
    "HOT",
    "SD",
)
LEGEND: Final = (
    "MEAN, P95, P99: how many times longer than alone Tasks run; TOTAL: the same with the wait for a node; LATE: take "
    "more than 3 times their work; WAITED: for a second or more; HOT: nodes and time above 0.9; SD: of the nodes' load"
)


def table(results: Sequence[Result]) -> list[str]:
    """The answer as lines, the best of each count of nodes first."""
    ordered = sorted(results, key=lambda result: (result.trial.nodes, result.mean("total_mean")))
    return columns([HEADS, *(row(result) for result in ordered)])


def row(result: Result) -> tuple[str, ...]:
    """A trial's cells."""
    trial, mean = result.trial, result.mean
    return (
        str(trial.nodes),
        str(trial.strategy),
        trial.shown,
        *(f"{mean(name):.3f}" for name in ("mean", "p95", "p99", "total_mean", "total_p99")),
        *(f"{mean(name):.1%}" for name in ("total_failed", "waited", "hot")),
        f"{mean('sd'):.3f}",
    )


def document(results: Sequence[Result], goal: float) -> dict[str, Any]:
    """The answer as an object."""
    fields = Outcome.__dataclass_fields__
    return {
        "goal": goal,
        "advice": advice(results, goal),
        "trials": [
            {
                "nodes": result.trial.nodes,
                "strategy": str(result.trial.strategy),
                "weights": result.trial.weights,
                **{name: round(result.mean(name), 5) for name in fields},
                "runs": result.outcomes,
            }
            for result in results
        ],
    }
