"""One run of placement on real nodes: the Tasks of a trace by one policy, from the first arrival to the last end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from bench.live.real_burner import since_boot
from bench.live.real_courses import Course, Courses
from bench.live.real_ground import RealGround
from bench.live.real_meter import Meter, deviation, mean, uses
from bench.live.real_trace import CORES, Arrival, Trace
from bench.live.submit import submit, summed
from bench.placement.measures import Measures
from bench.throughput.interval import percentile
from bench.throughput.observer import Disturbed
from bench.throughput.rivals import NAMESPACE, TASKS
from bench.throughput.session import Session
from loadstar.simulate.outcome import LATE

Json = dict[str, Any]

TAIL_SECONDS = 180.0
"""So long after the last arrival a run is given up."""
WAITED_SECONDS = 1.0
LEAST_IDLE = 0.15
"""What must be left of the machine: else it, and not the nodes, is what Tasks contend for."""


def document(name: str, kind: str, worker: Json, placement: Json) -> Json:
    """A Task; `kind` is its class."""
    return {
        "apiVersion": "loadstar.dev/v1alpha1",
        "kind": "Task",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"loadstar.dev/class": kind}},
        "spec": {"worker": worker, "placement": placement},
    }


async def run(
    ground: RealGround, session: Session, met: Trace, strategy: str, per_second: float, least_idle: float = LEAST_IDLE
) -> Json:
    """Run it. Raises Disturbed when a Task does not end, or does not succeed, or the machine itself was too busy."""
    await ground.clear(session, [TASKS])
    courses = Courses(session)
    meter = Meter({node.name: node.cgroup for node in ground.bed.nodes()})
    async with meter.watching(), courses.watching():
        began = since_boot()

        async def create(item: Arrival) -> None:
            kind = item.kind
            worker = kind.burner.worker(per_second, kind.requests)
            made = document(item.name, kind.name, worker, {"strategy": strategy})
            await courses.create(made, kind.name, kind.burner.work)

        lags = await submit(met.arrivals, create, lambda: since_boot() - began)
        await courses.ended(TAIL_SECONDS)
        # The watch of Pods may be behind that of Tasks by a moment.
        await asyncio.sleep(1)
    lost = [item.name for item in courses.of.values() if item.told is None]
    if lost:
        raise Disturbed(f"{len(lost)} Tasks did not succeed, such as {lost[0]}: {courses.of[lost[0]]}")
    if meter.idle < least_idle:
        raise Disturbed(f"the machine was idle for {meter.idle:.1%} only: others than the nodes were at it")
    shares = uses(meter.looks, CORES, began, began + met.arrivals[-1].arrival)
    first, last = meter.looks[0], meter.looks[-1]
    return {
        "measures": measures(list(courses.of.values()), deviation(shares)),
        **completions(list(courses.of.values())),
        "use": rounded(mean(shares)),
        "throttled_s": rounded({name: last.throttled[name] - first.throttled[name] for name in last.throttled}),
        "machine_idle": round(meter.idle, 3),
        "create_lag_s": summed(lags),
        "tasks": [told(course, began) for course in courses.of.values()],
    }


def measures(courses: Sequence[Course], spread: float) -> Json:
    """As every level has them. With the wait is from the arrival to the end, the start of the container included."""
    runs = [course.run / course.work for course in courses if course.run is not None]
    totals = [course.completion / course.work for course in courses if course.completion is not None]
    waits = [course.bound is None or course.bound - course.created > WAITED_SECONDS for course in courses]
    found = Measures(
        mean=fmean(runs),
        p95=percentile(runs, 0.95),
        p99=percentile(runs, 0.99),
        total_mean=fmean(totals),
        sd=spread,
        failed=fmean(value > LATE for value in runs),
        waited=fmean(waits),
    )
    return {name: round(getattr(found, name), 4) for name in Measures.__slots__}


def completions(courses: Sequence[Course]) -> Json:
    """Seconds from arrival to end: the mean, and the 99th percentile."""
    ends = [course.completion for course in courses if course.completion is not None]
    return {"completion_mean_s": round(fmean(ends), 3), "completion_p99_s": round(percentile(ends, 0.99), 3)}


def told(course: Course, began: float) -> Json:
    """A Task as it is kept: seconds since the run began."""
    own = course.told
    return {
        "name": course.name,
        "kind": course.kind,
        "node": course.node,
        "work": course.work,
        "created": round(course.created - began, 2),
        "bound": None if course.bound is None else round(course.bound - began, 2),
        "began": None if own is None else round(own.began - began, 2),
        "ended": None if own is None else round(own.ended - began, 2),
        "failures": course.failures,
        "disruptions": course.disruptions,
    }


def rounded(values: dict[str, float]) -> dict[str, float]:
    """To be read."""
    return {name: round(value, 3) for name, value in sorted(values.items())}
