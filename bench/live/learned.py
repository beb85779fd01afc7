"""L2 of the benchmark of learned requests: the same arrivals as Tasks that learn, as Tasks that do not, and as Jobs.

Before what is counted each class ran seven times, long enough to be measured: for all policies alike. Tasks are a
quarter as long as in L1, so that in five minutes a queue grows as it would in twenty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from statistics import fmean
from typing import Any

from bench import learned, levels
from bench.live import learned_page
from bench.live.benchmark import LEVEL, Benchmark, Kept
from bench.live.pair import twin
from bench.live.trace import Past, Trace, drawn
from bench.live.units import Jobs, Tasks, Units
from loadstar.simulate.difference import difference
from loadstar.simulate.outcome import Outcome
from loadstar.simulate.workload import Model

Json = dict[str, Any]

NODES = 15
PACE = 4.0
PAST = Past(runs=7, work=55.0, within=15.0, seconds=125.0)
PATIENCE = 420.0
SEEDS = tuple(range(3101, 3106))
"""Seeds on which nothing was developed."""
SCENARIOS: dict[str, tuple[str, Model]] = {
    f"live-x{factor}-load70": (
        f"simulated nodes, requests {factor} times the use, load 0.70",
        Model(load=0.7, factor=factor),
    )
    for factor in (2.0, 1.0)
}
POLICIES = tuple(learned.POLICIES)
SOONER = 3.0
GAIN = "live-x2.0-load70"
SECONDS = {GAIN: 300.0, "live-x1.0-load70": 180.0}
"""Where requests are right no queue grows."""


def trace(scenario: str, seed: int, seconds: float) -> Trace:
    """What every policy meets."""
    model = SCENARIOS[scenario][1]
    return drawn(replace(model, nodes=NODES, seconds=seconds * PACE), seed, PACE, PAST)


def ways() -> Mapping[str, Units]:
    """The policies: Tasks placed by load, whose Pods ask for what was learned or is declared, and Jobs."""
    return {"Learned": Tasks("LoadAware", "Learned"), "Declared": Tasks("LoadAware"), "kube": Jobs()}


def twins(met: Trace, seed: int) -> Json:
    """The same in the simulator."""
    return {name: asdict(twin(met, make, seed, PATIENCE)) for name, make in learned.POLICIES.items()}


def summed(pairs: Kept) -> tuple[Json, Json]:
    """Of the kept pairs by scenario: the rows, and what stands beside them."""
    scenarios: Json = {}
    more: Json = {}
    for name, kept in pairs.items():
        live = {
            policy: [Outcome(**pair["policies"][policy]["outcome"]) for pair in kept.values()] for policy in POLICIES
        }
        simulated = {policy: [Outcome(**pair["twins"][policy]) for pair in kept.values()] for policy in POLICIES}
        scenarios[name] = {policy: learned.row(live[policy]) for policy in POLICIES}
        for policy, row in scenarios[name].items():
            each = [pair["policies"][policy] for pair in kept.values()]
            row["oom"] = round(sum(one["killed"] for one in each) / sum(one["tasks"] for one in each), 5)
        more[name] = {
            **learned.beside(live),
            "kube_less_learned": learned.told(
                difference(*([one.total_mean for one in live[policy]] for policy in ("kube", "Learned")))
            ),
            "sooner": sooner(live),
            "simulated": {policy: learned.row(simulated[policy]) for policy in POLICIES}
            | {"sooner": sooner(simulated)},
        }
    return scenarios, more


def sooner(runs: Mapping[str, list[Outcome]]) -> float:
    """How many times as long as with learned requests it takes from arrival to end as a Job, in the mean."""
    return round(fmean(r.total_mean for r in runs["kube"]) / fmean(r.total_mean for r in runs["Learned"]), 3)


def claims(scenarios: Json, more: Json) -> list[tuple[str, str, bool, str]]:
    """Scenario, claim, whether it holds, and by what."""
    found = []
    for name in scenarios:
        entry = more[name]
        gap = entry["kube_less_learned"]
        if name == GAIN:
            text = f"ends at least {SOONER:g} times sooner in the mean than as Jobs under kube-scheduler"
            found.append((name, text, entry["sooner"] >= SOONER, f"{entry['sooner']:.2f} times"))
        text = "ends not later in the mean than as Jobs under kube-scheduler"
        found.append(
            (name, text, gap["mean"] + (gap["half"] or 0) >= 0, f"{gap['mean']:+.3f} ± {gap['half'] or 0:.3f}")
        )
        gap = entry["total_mean"]
        text = "ends not later in the mean than as declared"
        found.append(
            (name, text, gap["mean"] - (gap["half"] or 0) <= 0, f"{gap['mean']:+.3f} ± {gap['half'] or 0:.3f}")
        )
    return found


def publish(pairs: Kept, conditions: Json) -> None:
    """Into learned.json and the page; said too."""
    scenarios, more = summed(pairs)
    counts = {name: len(kept) for name, kept in pairs.items()}
    told = claims(scenarios, more)
    conditions = {**conditions, "pace": PACE, "not_counted_s": PAST.seconds, "pairs": counts}
    document = levels.keep(learned.RESULT, LEVEL, conditions, {"scenarios": scenarios, "beside": more})
    lines = learned_page.section(document, told)
    learned_page.write(lines)
    print("\n".join(lines))


BENCHMARK = Benchmark(
    "learned",
    {name: text for name, (text, _) in SCENARIOS.items()},
    SEEDS,
    NODES,
    SECONDS,
    PATIENCE,
    trace,
    ways,
    twins,
    publish,
)
