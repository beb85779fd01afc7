"""Small clusters and traces for tests."""

from __future__ import annotations

from collections.abc import Sequence

from loadstar.core.model import Strategy
from loadstar.simulate.job import Job
from loadstar.simulate.loadstar import Loadstar
from loadstar.simulate.outcome import Outcome
from loadstar.simulate.run import Run, Setting
from loadstar.simulate.shape import Host

GIB = 2**30


def job(
    number: int = 0, arrival: float = 0.0, *, work: float = 10.0, cpu: float = 1.0, io: float = 0.0, **more: object
) -> Job:
    fields: dict[str, object] = {
        "memory": GIB / 4,
        "kind": "a",
        "declared": {"cpu": round(cpu * 1000), "memory": GIB // 4},
        "delay": 1.0,
    }
    return Job(number=number, arrival=arrival, work=work, cpu=cpu, io=io, **(fields | more))  # type: ignore[arg-type]


def host(name: str = "n0", cores: float = 4.0, **more: object) -> Host:
    return Host(name, cores, 4 * cores * GIB, **more)  # type: ignore[arg-type]


def ran(
    jobs: Sequence[Job], hosts: Sequence[Host], setting: Setting | None = None, strategy: Strategy = Strategy.LOAD_AWARE
) -> tuple[Run, Outcome]:
    found = Run(jobs, hosts, setting or Setting(), lambda _: Loadstar(strategy, 1), 1)
    return found, found.run()
