"""One pair: every policy on a bed of its own, all at the same time, so that what disturbs one disturbs all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.live import field
from bench.live.playground import Playground
from bench.live.scene import Scene
from bench.live.submit import submit, summed
from bench.live.trace import Trace
from bench.live.units import ENDLESS, Jobs, Units
from bench.live.watch import Watch
from bench.throughput.ground import Ground
from bench.throughput.observer import Disturbed
from bench.throughput.run import leading
from bench.throughput.session import Session
from bench.throughput.usage import Usage
from loadstar.core.policy import Policy
from loadstar.simulate.job import Job
from loadstar.simulate.meter import Metering
from loadstar.simulate.outcome import Course, Outcome, outcome
from loadstar.simulate.run import Run, Setting
from loadstar.simulate.site import Chooser

Json = dict[str, Any]

LEAD = 15.0
"""Seconds between all nodes being measured and the first arrival."""
STAGGER = 3.0
"""Policies begin one after another: a burst that came at the same instant on all beds would be the machine's, not the
trace's.
"""
LATE = 3.0
"""A pair is given up when one in a hundred creates, or ends, came so many seconds late: the machine was too slow."""


@dataclass(slots=True)
class Clock:
    """When everybody begins, and what the machine did until all were through."""

    barrier: asyncio.Barrier
    patience: float


async def pair(grounds: Sequence[Ground], ways: Mapping[str, Units], trace: Trace, patience: float) -> Json:
    """By policy what it came to, and how idle the machine was. `patience`: so many seconds after the last arrival it is
    given up. Raises Disturbed when the machine was too slow.
    """
    clock = Clock(asyncio.Barrier(len(ways)), patience)
    before = Usage.read({})
    async with asyncio.TaskGroup() as group:
        runs = {
            name: group.create_task(_run(ground, units, trace, clock, LEAD + place * STAGGER))
            for place, (ground, (name, units)) in enumerate(zip(grounds, ways.items(), strict=True))
        }
    spent = Usage.read({}).since(before)
    rows = {name: run.result() for name, run in runs.items()}
    for name, row in rows.items():
        for lag in ("create_lag", "end_lag"):
            if row[lag].get("p99", 0.0) > LATE:
                raise Disturbed(f"{name}: {lag} {row[lag]} s, at most {LATE:g} are allowed")
    return {"idle": round(spent["idle"] / (spent["idle"] + spent["others"]), 3), "policies": rows}


async def _run(ground: Ground, units: Units, trace: Trace, clock: Clock, lead: float) -> Json:
    hosts = field.here(trace.hosts)
    await asyncio.to_thread(ground.up, len(hosts))
    async with Session(ground.bed) as session:
        play = Playground(ground.bed, session, Scene.of(hosts), {job.uid: job for job in trace.jobs})
        watch = Watch(session, units, trace.jobs, play.time)
        async with play.open(), leading(ground, 1):
            await field.shape(session, hosts)
            if isinstance(units, Jobs):
                await field.sample(session, units)
            async with watch.watching(play.hear):
                await field.measured(session, len(hosts))
                await clock.barrier.wait()
                play.begin(play.now() + lead)

                async def create(job: Job) -> None:
                    await session.call("POST", units.collection, units.document(job, ENDLESS))

                last = max(job.arrival for job in trace.jobs)
                lags = await submit(trace.jobs, create, play.time)
                left = await watch.until(last + clock.patience)
    return {
        "outcome": asdict(_outcome(watch.courses.values(), trace, play.scene, last + clock.patience)),
        "tasks": len(trace.jobs),
        "killed": play.scene.killed,
        "failed": len(watch.failed),
        "left": left,
        "create_lag": summed(lags),
        "end_lag": summed(play.lags),
    }


def _outcome(courses: Iterable[Course], trace: Trace, scene: Scene, given_up: float) -> Outcome:
    last = max(job.arrival for job in trace.jobs)
    counted = [course for course in courses if course.arrival >= trace.warm]
    return outcome(counted, given_up, [row[1:] for row in scene.watched if trace.warm <= row[0] <= last], 0)


def twin(trace: Trace, make: Callable[[int], Chooser], seed: int, patience: float) -> Outcome:
    """The same trace in the simulator."""
    first = min(job.arrival for job in trace.jobs)
    metering = Metering(field.METRIC_SECONDS)
    setting = Setting(Policy(), metering, warm=max(0.0, trace.warm - first), patience=patience, kills=True)
    return Run(trace.jobs, trace.hosts, setting, lambda _: make(seed), seed).run()
