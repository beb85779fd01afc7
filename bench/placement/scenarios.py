"""The policies and the scenarios of the benchmark, and one run of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bench.placement.shadow import Koordinator, Volcano
from bench.placement.simple import Chance, Oracle, Seed
from bench.placement.trimaran import LoadVariationRiskBalancing, TargetLoadPacking
from loadstar.core.model import Strategy
from loadstar.core.policy import Policy
from loadstar.simulate.background import Background
from loadstar.simulate.fault import Fault, Kind
from loadstar.simulate.kube_scheduler import KubeScheduler
from loadstar.simulate.loadstar import Loadstar
from loadstar.simulate.meter import Metering
from loadstar.simulate.outcome import Outcome
from loadstar.simulate.run import Run, Setting
from loadstar.simulate.site import Chooser
from loadstar.simulate.workload import UNLIKE, Model

OURS = "LoadAware"
POLICIES: dict[str, Callable[[int], Chooser]] = {
    OURS: lambda seed: Loadstar(Strategy.LOAD_AWARE, seed),
    "KubeScheduler": KubeScheduler,
    "RoundRobin": lambda seed: Loadstar(Strategy.ROUND_ROBIN, seed),
    "Random": Chance,
    "WeightedRandom": lambda seed: Loadstar(Strategy.WEIGHTED_RANDOM, seed),
    "PowerOfTwo": lambda seed: Loadstar(Strategy.POWER_OF_TWO, seed),
    "Seed": Seed,
    "TargetLoadPacking": TargetLoadPacking,
    "LoadVariationRiskBalancing": LoadVariationRiskBalancing,
    "Koordinator": Koordinator,
    "Volcano": Volcano,
    "oracle": Oracle,
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked, in words, and all that a run needs."""

    text: str
    model: Model = field(default_factory=Model)
    metering: Metering = field(default_factory=Metering)
    fit: bool = True
    faults: tuple[Fault, ...] = ()

    def run(self, policy: str, seed: int) -> Outcome:
        """One run; the seed decides the trace, the nodes and all chance, so that policies meet the same."""
        setting = Setting(Policy(), self.metering, fit=self.fit, faults=self.faults, warm=60)
        make = POLICIES[policy]
        return Run(self.model.jobs(seed), self.model.hosts(seed), setting, lambda _: make(seed), seed).run()


RIGHT = Model()
BUSY_DISKS = replace(RIGHT, load=0.6, io=0.6, busy=0.25, background=Background(io=0.25))
LOST = Fault(Kind.DEAD, "node-4", 180, 240), Fault(Kind.FROZEN, "node-7", 240, 90)
DARK = tuple(Fault(Kind.DARK, f"node-{number}", 120, 300) for number in range(10, 20))
SCENARIOS: dict[str, Scenario] = {
    "right-60": Scenario("requests about right, load 0.60", replace(RIGHT, load=0.6)),
    "right-75": Scenario("requests about right, load 0.75", RIGHT),
    "half-75": Scenario("requests half of the use, load 0.75", replace(RIGHT, factor=0.5)),
    "quarter-75": Scenario("requests a quarter of the use, load 0.75", replace(RIGHT, factor=0.25)),
    "double-60": Scenario("requests twice the use, load 0.60", replace(RIGHT, load=0.6, factor=2.0)),
    "wrong-70": Scenario("requests wrong by class (x2.7 either way), load 0.70", replace(RIGHT, load=0.7, error=1.0)),
    "io-60": Scenario("I/O contends and is measured, load 0.60", BUSY_DISKS, Metering(io=True)),
    "io-unseen-60": Scenario("I/O contends and is not measured, load 0.60", BUSY_DISKS),
    "slow-75": Scenario("metrics every 60 s, requests half, load 0.75", replace(RIGHT, factor=0.5), Metering(60)),
    "lost-samples-75": Scenario(
        "half of the samples lost, requests half, load 0.75", replace(RIGHT, factor=0.5), Metering(lost=0.5)
    ),
    "unlike-75": Scenario(
        "nodes of 2 to 64 cores, 2 to 8 GiB a core, requests half, load 0.75",
        replace(RIGHT, nodes=24, cores=UNLIKE, gib_a_core=(4.0, 2.0, 8.0, 4.0, 3.0), factor=0.5),
    ),
    "lost-nodes-70": Scenario(
        "one of 30 nodes dies, one freezes, requests half, load 0.70", replace(RIGHT, load=0.7, factor=0.5), faults=LOST
    ),
    "dark-70": Scenario(
        "ten of 30 nodes not measured for five minutes, requests half, load 0.70",
        replace(RIGHT, load=0.7, factor=0.5),
        faults=DARK,
    ),
    "bare-75": Scenario("no requests at all, load 0.75", RIGHT, fit=False),
    "bare-io-60": Scenario(
        "no requests at all, I/O contends and is measured, load 0.60", BUSY_DISKS, Metering(io=True), fit=False
    ),
}
"""Request fit is enforced but for those that are bare. Metrics are 15 s means, without I/O, unless it is said."""
