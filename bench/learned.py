"""What learned requests bring, simulated (L1): beside what Tasks declare, and beside kube-scheduler.

Tasks declare a multiple of what they use; classes repeat, but for the scenario in which none does. Each policy meets
the same trace on the same nodes; what arrives in the first minutes is run and not counted, for all of them, since
classes are learned then. Where memory does not suffice the kernel kills.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from bench import levels
from bench.conditions import head
from loadstar.core.model import Strategy
from loadstar.core.policy import Policy
from loadstar.simulate.difference import Difference, difference
from loadstar.simulate.kube_scheduler import KubeScheduler
from loadstar.simulate.learned import Learned
from loadstar.simulate.loadstar import Loadstar
from loadstar.simulate.outcome import Outcome
from loadstar.simulate.run import Run, Setting
from loadstar.simulate.site import Chooser
from loadstar.simulate.workload import Model

RESULT: Final = Path(__file__).parent / "results" / "learned.json"
SECONDS: Final = 2400.0
WARM: Final = 600.0
SEEDS: Final = tuple(range(105, 110))
"""Not those by which anything was designed: from which load on a node takes no more was chosen on 100 to 104."""
NEVER: Final = 4000
"""So many classes that hardly any comes a second time."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Use as a share of all cores, how much too large requests are, and how unlike Tasks of a class are."""

    load: float
    factor: float
    spread: float
    classes: int = 12

    @property
    def model(self) -> Model:
        """The trace and its nodes."""
        return replace(
            Model(),
            load=self.load,
            factor=self.factor,
            spread=self.spread,
            classes=self.classes,
            seconds=SECONDS,
        )


SCENARIOS: Final[dict[str, Scenario]] = {
    f"x{factor}-load{load * 100:.0f}-spread{spread * 100:.0f}": Scenario(load, factor, spread)
    for factor, load in ((2.0, 0.7), (1.5, 0.6), (1.0, 0.75), (0.5, 0.7))
    for spread in (0.15, 0.5)
} | {"x2.0-load60-never-repeats": Scenario(0.6, 2.0, 0.15, NEVER)}
POLICIES: Final[dict[str, Callable[[int], Chooser]]] = {
    "Learned": lambda seed: Learned(Strategy.LOAD_AWARE, seed),
    "Declared": lambda seed: Loadstar(Strategy.LOAD_AWARE, seed),
    "kube": KubeScheduler,
}
PAIR: Final = ("Learned", "Declared")
MARGINS: Final = (1.0, 1.25, 1.5)
MARGIN_SCENARIO: Final = "x2.0-load70-spread50"


def main() -> None:
    """Run, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", action="append", default=[], choices=sorted(SCENARIOS), help="only this one")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help=f"so many of {len(SEEDS)}, at least 2")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dry", action="store_true", help="keep nothing")
    given = parser.parse_args()
    seeds = SEEDS[: max(2, given.seeds)]
    conditions = head("make bench-learned", seeds=list(seeds), seconds=SECONDS, not_counted_s=WARM)
    scenarios: Json = {}
    against: Json = {}
    with ProcessPoolExecutor(given.processes) as pool:
        for name in given.scenario or SCENARIOS:
            found = {policy: list(pool.map(once, seeds, *same(len(seeds), name, policy))) for policy in POLICIES}
            scenarios[name] = {policy: row(outcomes) for policy, outcomes in found.items()}
            against[name] = beside(found)
            print(name, json.dumps(scenarios[name]), json.dumps(against[name]), sep="\n  ", flush=True)
        margins = {
            f"{margin:g}": row(list(pool.map(once, seeds, *same(len(seeds), MARGIN_SCENARIO, f"margin {margin}"))))
            for margin in (MARGINS if not given.scenario else ())
        }
        print("margins on CPU:", json.dumps(margins))
    if not given.dry:
        parts = {"scenarios": scenarios, "minus_declared": against}
        levels.keep(RESULT, "L1", {**conditions, "margins": margins}, parts)


def once(seed: int, name: str, policy: str) -> Outcome:
    """One run."""
    model, setting = SCENARIOS[name].model, Setting(Policy(), warm=WARM, kills=True)
    if policy.startswith("margin "):
        chooser: Chooser = Learned(Strategy.LOAD_AWARE, seed, cpu=float(policy.split()[1]))
    else:
        chooser = POLICIES[policy](seed)
    return Run(model.jobs(seed), model.hosts(seed), setting, lambda _: chooser, seed).run()


def beside(found: Mapping[str, list[Outcome]]) -> Json:
    """Learned less Declared, seed by seed, with the wait and without."""
    return {
        what: told(difference(*([getattr(one, what) for one in found[policy]] for policy in PAIR)))
        for what in ("total_mean", "mean")
    }


def told(found: Difference) -> Json:
    """As it is kept."""
    return {"mean": round(found.mean, 4), "half": None if found.half is None else round(found.half, 4)}


def same(count: int, *values: str) -> list[list[str]]:
    """Each value so many times: what every seed is run with."""
    return [[value] * count for value in values]


def row(outcomes: list[Outcome]) -> Json:
    """Means over the seeds; `oom` and `waited` as shares of Tasks, `refused` those that no node could ever hold."""
    tasks = sum(item.tasks for item in outcomes)
    return {
        "total_mean": round(fmean(item.total_mean for item in outcomes), 4),
        "total_p99": round(fmean(item.total_p99 for item in outcomes), 3),
        "slowdown_mean": round(fmean(item.mean for item in outcomes), 4),
        "oom": round(sum(item.lost for item in outcomes) / tasks, 5),
        "waited": round(fmean(item.waited for item in outcomes), 4),
        "refused": round(sum(item.refused for item in outcomes) / tasks, 5),
        "tasks": tasks,
    }


if __name__ == "__main__":
    main()
