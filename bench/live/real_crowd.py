"""How many over-declared Tasks real nodes run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

from bench.live.real_burner import Burner, since_boot
from bench.live.real_courses import Course, Courses, running
from bench.live.real_ground import RealGround
from bench.live.real_meter import Meter, deviation, mean, uses
from bench.live.real_run import WAITED_SECONDS, document, rounded
from bench.live.real_trace import CORES
from bench.throughput.interval import percentile
from bench.throughput.observer import Disturbed
from bench.throughput.rivals import NAMESPACE, TASKS
from bench.throughput.session import Session, each

Json = dict[str, Any]

PROFILES = f"/apis/loadstar.dev/v1alpha1/namespaces/{NAMESPACE}/taskprofiles"
TIMES = 3
"""So many times its use is what a Task declares."""
WASTE = Burner(0.03, 60, mib=32)
"""Kubelets look at containers every 10 to 15 s, and two looks are needed to learn of a run."""
DECLARED = {"cpu": f"{round(WASTE.cpu * 1000 * TIMES)}m", "memory": f"{WASTE.mib * TIMES}Mi"}
TEACH = 6
CREATE_WIDTH = 8
AT_ONCE_SECONDS = 30.0
"""After so many seconds the nodes are filled: from then on it is counted how many run at once."""
PROFILE_SECONDS = 90.0
MOST_WAIT_SECONDS = 90.0


def wasteful(name: str, requests: str, per_second: float) -> Json:
    """A Task that declares three times what it uses."""
    return document(name, "waste", WASTE.worker(per_second, DECLARED), {"strategy": "LoadAware", "requests": requests})


async def taught(session: Session, documents: Sequence[Json], kind: str, work: float) -> Json:
    """Run these Tasks; return the requests that were learned. Raises Disturbed when none were."""
    courses = Courses(session)
    async with courses.watching():
        for item in documents:
            await courses.create(item, kind, work)
        await courses.ended(work * len(documents) + MOST_WAIT_SECONDS)
    for _ in range(round(PROFILE_SECONDS)):
        for profile in (await session.json("GET", PROFILES))["items"]:
            asks = (profile.get("status") or {}).get("requests", {})
            if profile["metadata"]["name"] == f"class-{kind}" and "memory" in asks:
                return dict(asks)
        await asyncio.sleep(1)
    raise Disturbed(f"class {kind} was not learned from {len(documents)} runs")


async def crowd(
    ground: RealGround,
    session: Session,
    requests: str,
    per_second: float,
    count: int,
    seconds: float,
    least_idle: float,
) -> Json:
    """So many Tasks at once, more than there is room for; after so many seconds those that still wait are removed."""
    await ground.clear(session, [TASKS])
    courses = Courses(session)
    meter = Meter({node.name: node.cgroup for node in ground.bed.nodes()})
    async with meter.watching(), courses.watching():
        began = since_boot()

        async def create(name: str) -> None:
            await courses.create(wasteful(name, requests, per_second), "waste", WASTE.work)

        await each([f"waste-{number:03}" for number in range(count)], create, CREATE_WIDTH)
        await asyncio.sleep(max(0.0, began + seconds - since_boot()))
        cut = since_boot()
        left = [name for name, course in courses.of.items() if course.bound is None]
        for name in left:
            await session.call("DELETE", f"{TASKS}/{name}")
        begun = [name for name in courses.of if name not in left]
        await courses.ended(WASTE.work * 3 + MOST_WAIT_SECONDS, begun)
        await asyncio.sleep(1)
    found = [courses.of[name] for name in begun]
    lost = [course.name for course in found if course.told is None]
    if lost:
        raise Disturbed(f"{len(lost)} Tasks did not succeed, such as {courses.of[lost[0]]}")
    if not left:
        raise Disturbed(f"all {count} Tasks had a node within {seconds:g} s: too few to tell how many run at once")
    if meter.idle < least_idle:
        raise Disturbed(f"the machine was idle for {meter.idle:.1%} only: others than the nodes were at it")
    row = crowded(found, meter, began + AT_ONCE_SECONDS, cut)
    prompt = sum(item.bound is not None and item.bound - item.created <= WAITED_SECONDS for item in found)
    return row | {"waited": round(1 - prompt / count, 4), "left": len(left)}


def crowded(courses: Sequence[Course], meter: Meter, since: float, until: float) -> Json:
    """What is kept of it."""
    runs = [course.run for course in courses if course.run is not None]
    shares = uses(meter.looks, CORES, since, until)
    ended = sum(since <= course.told.ended <= until for course in courses if course.told)
    return {
        "at_once": round(running(courses, since, until), 2),
        "run_mean_s": round(fmean(runs), 3),
        "run_median_s": round(median(runs), 3),
        "run_p99_s": round(percentile(runs, 0.99), 3),
        "slowdown_mean": round(fmean(runs) / WASTE.work, 4),
        "total_mean": round(fmean(ends(courses)) / WASTE.work, 4),
        "total_p99": round(percentile(ends(courses), 0.99) / WASTE.work, 3),
        "tasks": len(courses),
        "ended_per_minute": round(60 * ended / (until - since), 2),
        "oom": sum("OOMKilled" in course.reasons for course in courses),
        "failures": sum(course.failures for course in courses),
        "use": rounded(mean(shares)),
        "sd": round(deviation(shares), 4),
        "machine_idle": round(meter.idle, 3),
    }


def ends(courses: Sequence[Course]) -> list[float]:
    """Seconds from arrival to end."""
    return [course.completion for course in courses if course.completion is not None]
