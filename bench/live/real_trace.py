"""The trace of L3: Tasks that declare too little, on three small nodes with others on them.

The seed decides when Tasks of which class arrive, and which node has how much of others on it. Requests are, as in the
scenario `quarter-75` of L1, a quarter of the use in the mean and wrong by class; those of the others are about right.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from bench.live.real_burner import Burner

NODES = ("node-0", "node-1", "node-2")
CORES = 0.4
"""What each node has, daemons and all: the quota of its cgroup, and allocatable."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of Tasks: what they do, and how much CPU and memory they declare (millicores, MiB)."""

    name: str
    burner: Burner
    cpu: int
    mib: int

    @property
    def requests(self) -> dict[str, str]:
        """As a worker has them."""
        return {"cpu": f"{self.cpu}m", "memory": f"{self.mib}Mi"}


KINDS = (
    Kind("resize", Burner(0.04, 20, mib=24), cpu=10, mib=32),
    Kind("encode", Burner(0.07, 24, mib=48), cpu=10, mib=56),
    Kind("index", Burner(0.04, 30, mib=32, kib=128), cpu=20, mib=40),
    Kind("pack", Burner(0.05, 24, mib=16, kib=256), cpu=12, mib=24),
    Kind("query", Burner(0.06, 16, mib=16), cpu=10, mib=24),
    Kind("train", Burner(0.08, 30, mib=64), cpu=28, mib=72),
)
OTHERS = (
    Kind("busy", Burner(0.20, float("inf"), mib=160), cpu=140, mib=200),
    Kind("some", Burner(0.08, float("inf"), mib=64), cpu=100, mib=80),
    Kind("idle", Burner(0.02, float("inf"), mib=32), cpu=30, mib=40),
)
"""One on each node."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A Task that comes after so many seconds."""

    name: str
    arrival: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Trace:
    """Arrivals in their order, and who else is on which node."""

    arrivals: tuple[Arrival, ...]
    others: dict[str, Kind]


def trace(seed: int, seconds: float, rate: float, bursts: float = 0.5) -> Trace:
    """Tasks for so many seconds, `rate` of them a second; the share `bursts` of them come 3 to 7 at an instant."""
    dice = Random(f"real {seed}")
    drawn: list[tuple[float, Kind]] = []
    while len(drawn) < round(rate * seconds):
        kind, at = dice.choice(KINDS), dice.uniform(0, seconds)
        many = dice.randint(3, 7) if dice.random() * (5 - 4 * bursts) < bursts else 1
        drawn += [(at, kind)] * many
    drawn.sort(key=lambda item: item[0])
    places = list(NODES)
    dice.shuffle(places)
    arrivals = tuple(Arrival(f"{kind.name}-{number:03}", at, kind) for number, (at, kind) in enumerate(drawn))
    return Trace(arrivals, dict(zip(places, OTHERS, strict=True)))
