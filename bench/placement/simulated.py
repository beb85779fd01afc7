"""L1: every policy in every scenario on the same seeds, in the simulator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import TypeAlias

from bench.placement.measures import Measures
from bench.placement.scenarios import OURS, RIGHT, SCENARIOS, Scenario
from loadstar.simulate.outcome import Outcome

HELD_OUT = tuple(range(2001, 2011))
"""Seeds on which nothing was developed."""
LOADS = (0.45, 0.6, 0.75, 0.9)
FACTORS = (1.0, 0.5, 0.25, 0.0)
"""Of the curve: what is declared of what is used; 0: nothing is."""
CURVE = (OURS, "RoundRobin", "KubeScheduler")

Cell: TypeAlias = tuple[Scenario, str, int]


def point(load: float, factor: float) -> Scenario:
    """A point of the curve."""
    text = f"load {load}, requests x{factor}"
    return Scenario(text, replace(RIGHT, load=load, factor=factor or 1.0), fit=factor > 0)


def measured(outcome: Outcome) -> Measures:
    """What the report has of a run."""
    return Measures(
        outcome.mean,
        outcome.p95,
        outcome.p99,
        outcome.total_mean,
        outcome.sd,
        outcome.failed,
        outcome.waited,
    )


def one(cell: Cell) -> Measures:
    """One run."""
    scenario, policy, seed = cell
    return measured(scenario.run(policy, seed))


def runs(
    scenarios: Iterable[Scenario], policies: Sequence[str], seeds: Sequence[int], processes: int
) -> Iterator[dict[str, list[Measures]]]:
    """By scenario, in their order, and by policy, the runs of all seeds."""
    asked = list(scenarios)
    cells: list[Cell] = [(scenario, policy, seed) for scenario in asked for policy in policies for seed in seeds]
    with ProcessPoolExecutor(processes) as pool:
        found = pool.map(one, cells, chunksize=len(seeds))
        for _ in asked:
            yield {policy: [next(found) for _ in seeds] for policy in policies}


def named(names: Sequence[str]) -> list[Scenario]:
    """Scenarios by their names; of none, all."""
    return [SCENARIOS[name] for name in names or SCENARIOS]
