"""L2 of the benchmark of placement: two scenarios on simulated nodes, with a twin of each run in the simulator.

Before what is counted each class ran four times, for all policies alike: L1 is of a cluster that has run for a while,
too. All is twice as fast as in L1 but for the metrics, which makes the choice harder for those who go by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from statistics import fmean
from typing import Any

from bench.live.benchmark import LEVEL, Benchmark, Kept
from bench.live.pair import twin
from bench.live.trace import Past, Trace, drawn
from bench.live.units import Tasks, Units
from bench.placement import page, report
from bench.placement.claims import claims
from bench.placement.measures import Measures, beside, rows
from bench.placement.scenarios import OURS, POLICIES
from bench.placement.simulated import measured
from loadstar.simulate.outcome import Outcome
from loadstar.simulate.workload import Model

Json = dict[str, Any]

NODES = 24
SECONDS = 150.0
PACE = 2.0
PAST = Past(runs=4, work=40.0, within=8.0, seconds=60.0)
PATIENCE = 420.0
SEEDS = tuple(range(3001, 3006))
"""Seeds on which nothing was developed."""
SCENARIOS: dict[str, tuple[str, Model]] = {
    "live-quarter-75": ("simulated nodes, requests a quarter of the use, load 0.75", Model(factor=0.25)),
    "live-right-60": ("simulated nodes, requests about right, load 0.60", Model(load=0.6)),
}
RIVALS = ("KubeScheduler", "RoundRobin")


def trace(scenario: str, seed: int, seconds: float) -> Trace:
    """What every policy meets."""
    model = SCENARIOS[scenario][1]
    return drawn(replace(model, nodes=NODES, seconds=seconds * PACE), seed, PACE, PAST)


def ways() -> Mapping[str, Units]:
    """The policies: Tasks that differ in their strategy only. With KubeScheduler the default kube-scheduler chooses."""
    return {name: Tasks(name) for name in (OURS, *RIVALS)}


def twins(met: Trace, seed: int) -> Json:
    """The same in the simulator."""
    return {name: asdict(twin(met, POLICIES[name], seed, PATIENCE)) for name in (OURS, *RIVALS)}


def summed(pairs: Kept) -> tuple[Json, Json]:
    """Of the kept pairs by scenario: the rows, and what stands beside them; the twins' too, as `simulated`."""
    scenarios: Json = {}
    more: Json = {}
    for name, kept in pairs.items():
        live = of(kept, "policies")
        scenarios[name], more[name] = rows(live, OURS), beside(live, OURS)
        simulated: Json = {**beside(of(kept, "twins"), OURS)}
        for policy, entry in more[name].items():
            entry["simulated"] = {key: value for key, value in simulated[policy].items() if key != "runs"}
            entry["simulated"]["level"] = {
                key: round(fmean(run[key] for run in simulated[policy]["runs"]), 4)
                for key in ("mean", "p99", "total_mean")
            }
    return scenarios, more


def of(kept: Mapping[int, Json], part: str) -> dict[str, list[Measures]]:
    """By policy the measures of all pairs, live or of the twins."""
    return {
        name: [
            measured(Outcome(**(pair[part][name]["outcome"] if part == "policies" else pair[part][name])))
            for pair in kept.values()
        ]
        for name in (OURS, *RIVALS)
    }


def publish(pairs: Kept, conditions: Json) -> None:
    """Into placement.json, the page and the plots; said too."""
    from bench.placement import plots  # noqa: PLC0415 - who runs without the bench group still has the table

    scenarios, more = summed(pairs)
    texts = {name: BENCHMARK.scenarios[name] for name in scenarios}
    document = report.keep(
        LEVEL,
        {**conditions, "pace": PACE, "not_counted_s": PAST.seconds, "texts": texts, "pairs": counted(pairs)},
        scenarios,
        more,
    )
    page.write(document)
    plots.draw(document, report.RESULT.parent)
    for name in scenarios:
        print("\n".join([f"\n{name}: {texts[name]}", *page.table(scenarios[name], more[name])]))
    for claim in claims(scenarios, more):
        print(f"{'holds' if claim.holds else 'FAILS'}  {claim.scenario}: {claim.text}: {claim.because}")


def counted(pairs: Kept) -> dict[str, int]:
    """How many pairs there are of each scenario."""
    return {name: len(kept) for name, kept in pairs.items()}


BENCHMARK = Benchmark(
    "placement",
    {name: text for name, (text, _) in SCENARIOS.items()},
    SEEDS,
    NODES,
    dict.fromkeys(SCENARIOS, SECONDS),
    PATIENCE,
    trace,
    ways,
    twins,
    publish,
)
