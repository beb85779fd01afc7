"""One pair: every policy on a bed of its own, all at the same time, so that what disturbs one disturbs all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.live.field import METRIC_SECONDS, here, measured, sample, shape
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
class Common:
    """What the runs of a pair share: when all begin, and what everything used of the machine until one was through."""

    barrier: asyncio.Barrier
    pids: dict[str, int] = field(default_factory=dict)
    before: Usage | None = None
    spent: dict[str, float] = field(default_factory=dict)

    async def begin(self, name: str, pids: Mapping[str, int]) -> None:
        """Return when all are here. `pids`: of the programs of one's own bed."""
        self.pids |= {f"{name} {program}": pid for program, pid in pids.items()}
        if await self.barrier.wait() == 0:
            self.before = Usage.read(self.pids)

    def end(self) -> None:
        """One is through."""
        if self.before is not None and not self.spent:
            self.spent = Usage.read(self.pids).since(self.before)

    def shares(self) -> dict[str, float]:
        """Of the machine: what the beds had, what others, the bench among them, and nobody."""
        whole = sum(self.spent.values()) or 1.0
        rest = {name: round(self.spent.get(name, 0.0) / whole, 3) for name in ("others", "idle")}
        return {"beds": round(1 - sum(rest.values()), 3), **rest}


async def pair(grounds: Sequence[Ground], ways: Mapping[str, Units], trace: Trace, patience: float) -> Json:
    """By policy what it came to, and who had what of the machine. `patience`: so many seconds after the last arrival
    it is given up. Raises Disturbed when the machine was too slow.
    """
    common = Common(asyncio.Barrier(len(ways)))
    async with asyncio.TaskGroup() as group:
        runs = {
            name: group.create_task(_run(ground, name, units, trace, common, (LEAD + place * STAGGER, patience)))
            for place, (ground, (name, units)) in enumerate(zip(grounds, ways.items(), strict=True))
        }
    rows = {name: run.result() for name, run in runs.items()}
    for name, row in rows.items():
        for lag in ("create_lag", "end_lag"):
            if row[lag].get("p99", 0.0) > LATE:
                raise Disturbed(f"{name}: {lag} {row[lag]} s, at most {LATE:g} are allowed; {common.shares()}")
    return {"machine": common.shares(), "policies": rows}


async def _run(
    ground: Ground, name: str, units: Units, trace: Trace, common: Common, seconds: tuple[float, float]
) -> Json:
    """One policy. `seconds`: between all being measured and the first arrival, and from the last one on."""
    lead, patience = seconds
    hosts = here(trace.hosts)
    await asyncio.to_thread(ground.up, len(hosts))
    async with Session(ground.bed) as session:
        play = Playground(ground.bed, session, Scene.of(hosts), {job.uid: job for job in trace.jobs})
        watch = Watch(session, units, trace.jobs, play.time)
        async with play.open(), leading(ground, 1) as replicas:
            await shape(session, hosts)
            if isinstance(units, Jobs):
                await sample(session, units)
            async with watch.watching(play.hear):
                await measured(session, len(hosts))
                await common.begin(name, ground.pids() | {"operator": replicas[0].pid})
                play.begin(play.now() + lead)

                async def create(job: Job) -> None:
                    await session.call("POST", units.collection, units.document(job, ENDLESS))

                last = max(job.arrival for job in trace.jobs)
                lags = await submit(trace.jobs, create, play.time)
                left = await watch.until(last + patience)
                common.end()
        for job in trace.jobs:
            if (due := play.scene.done.get(job.number)) is not None:
                # How much later that was written is the bench's own doing, and told as its lag.
                watch.courses[job.uid].finished = due - play.zero
    return {
        "outcome": asdict(_outcome(watch.courses.values(), trace, play.scene, last + patience)),
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
    metering = Metering(METRIC_SECONDS)
    setting = Setting(Policy(), metering, warm=max(0.0, trace.warm - first), patience=patience, kills=True)
    return Run(trace.jobs, trace.hosts, setting, lambda _: make(seed), seed).run()
