"""The tables of docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from bench.throughput import table
from bench.throughput.report import summary


def row(rival: str, per_s: float, units: int = 1000, nodes: int = 100) -> dict[str, Any]:
    return {
        "rival": rival,
        "units": units,
        "nodes": nodes,
        "per_s": per_s,
        "to_running_s": {"p50": 1.0, "p99": 2.0},
        "own_calls_per_unit": 4.0,
        "all_calls_per_unit": 8.0,
        "cpu_s": {"operator": 5.0, "kube-controller-manager": 6.0, "kube-apiserver": 20.0, "idle": 3.0, "others": 9.0},
        "rss_mb": {"operator": 90.0, "kube-controller-manager": 150.0},
    }


def test_the_figures_are_those_of_the_headline() -> None:
    """Other sizes have rows of their own and leave the headline alone."""
    rows = [row("loadstar", 50), row("job", 40), row("loadstar", 10, 2000), row("job", 20, 2000)]
    found = summary(rows, (1000, 100), None)
    assert (found["loadstar_per_s"], found["job_per_s"], found["ratio"]["mean"]) == (50, 40, 1.25)
    assert [size["ratio"]["mean"] for size in found["sizes"]] == [1.25, 0.5]
    assert found["cpu_ms_per_task"] == 5.0
    assert found["sizes"][0]["loadstar"]["cluster_cpu_ms"] == 31.0


def test_one_rival_alone_has_no_ratio() -> None:
    """A run of Loadstar alone gives figures and claims nothing about Jobs."""
    found = summary([row("loadstar", 50)], (1000, 100), None)
    assert (found["loadstar_per_s"], found["job_per_s"], found["ratio"]) == (50, None, None)


def test_tables_replace_tables() -> None:
    """What a person wrote around the tables stays; writing twice changes nothing more."""
    page = table.place("# Benchmarks\n\nBefore.\n", "one")
    page = page + "\nAfter.\n"
    again = table.place(page, "two")
    assert "Before." in again
    assert again.endswith("After.\n")
    assert "one" not in again
    assert table.place(again, "two") == again
