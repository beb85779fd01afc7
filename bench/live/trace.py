"""What arrives when, on which nodes: drawn from the simulator's model by a seed, the same for all of a pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from loadstar.core.quantity import CPU, MEMORY
from loadstar.simulate.job import Job
from loadstar.simulate.shape import Host
from loadstar.simulate.site import size_of
from loadstar.simulate.workload import Model

START = 0.5
"""Seconds from a binding until a simulated node's container runs, for the twin of a trace in the simulator."""


@dataclass(frozen=True, slots=True)
class Past:
    """What ran before anything is counted: of each class so many Tasks of so many seconds, that all begin within
    `within` seconds; what is counted comes after `seconds`.
    """

    runs: int
    work: float
    within: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Trace:
    """Tasks by arrival, in seconds since the beginning, and nodes. Those that arrive before `warm` are not counted."""

    jobs: tuple[Job, ...]
    hosts: tuple[Host, ...]
    warm: float = 0.0


def drawn(model: Model, seed: int, pace: float = 1.0, past: Past | None = None) -> Trace:
    """The trace of a seed, all of it `pace` times as fast as the model has it: a queue then has the time to grow."""
    hosts = tuple(
        replace(host, burdens=tuple(replace(burden, since=burden.since / pace) for burden in host.burdens))
        for host in model.hosts(seed)
    )
    warm = past.seconds if past else 0.0
    jobs = [
        replace(job, arrival=job.arrival / pace + warm, work=job.work / pace, delay=START)
        for job in fitting(model.jobs(seed), hosts)
    ]
    before = taught(jobs, past, seed) if past else []
    return Trace(tuple(replace(job, number=number) for number, job in enumerate([*before, *jobs])), hosts, warm)


def fitting(jobs: Iterable[Job], hosts: Sequence[Host]) -> list[Job]:
    """Without those that no node could ever hold, beside what others request there."""
    room = [
        (round(host.cores * 1000) - host.requested.get(CPU, 0), round(host.memory) - host.requested.get(MEMORY, 0))
        for host in hosts
    ]

    def fits(size: tuple[int, int]) -> bool:
        return any(size[0] <= cpu and size[1] <= memory for cpu, memory in room)

    return [job for job in jobs if fits(size_of(job.declared))]


def taught(jobs: Sequence[Job], past: Past, seed: int) -> list[Job]:
    """The past: Tasks of every class that comes later, each long enough to be measured, by arrival."""
    dice = Random(f"past {seed}")
    kinds: dict[str, list[Job]] = {}
    for job in jobs:
        kinds.setdefault(job.kind, []).append(job)
    found = [
        replace(dice.choice(each), arrival=dice.uniform(0, past.within), work=past.work)
        for each in kinds.values()
        for _ in range(past.runs)
    ]
    return sorted(found, key=lambda job: job.arrival)
