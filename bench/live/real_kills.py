"""What becomes of Tasks that use much more memory than their class did so far, though no more than they declare.

More of them go on a node than its memory holds, as far as was learned; they all grow at once, and the kernel kills.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bench.live.real_burner import IMAGE
from bench.live.real_courses import Course, Courses
from bench.live.real_crowd import CREATE_WIDTH
from bench.live.real_ground import RealGround
from bench.live.real_run import document
from bench.throughput.observer import Disturbed
from bench.throughput.rivals import TASKS
from bench.throughput.session import Session, each

Json = dict[str, Any]

LITTLE, LITTLE_MIB, LITTLE_SECONDS = 10, 16, 40
"""So many Tasks use little, long enough for kubelets to look twice."""
MUCH, MUCH_MIB, MUCH_SECONDS = 18, 300, 12
"""So many use much: at six on each node a fifth more than it has."""
WAIT_SECONDS = 4
"""Before they take it, so that all are there."""
DECLARED = {"cpu": "50m", "memory": "340Mi"}
MOST_SECONDS = 300.0
KILLED = "OOMKilled"
SCRIPT = """
mkfifo /tmp/held
sleep $WAIT
(sleep $HOLD; cat) </tmp/held >/dev/null &
exec dd if=/dev/zero of=/tmp/held bs=${MIB}M count=1 2>/dev/null
"""
"""Memory is taken by the container's first process, so that its end for want of memory is the container's."""


def growing(name: str, kind: str, *, much: bool) -> Json:
    """A Task of the class."""
    numbers = (
        {"MIB": MUCH_MIB, "WAIT": WAIT_SECONDS, "HOLD": MUCH_SECONDS}
        if much
        else {"MIB": LITTLE_MIB, "WAIT": 0, "HOLD": LITTLE_SECONDS}
    )
    worker = {
        "image": IMAGE,
        "command": ["sh", "-c", SCRIPT],
        "env": [{"name": key, "value": str(value)} for key, value in numbers.items()],
        "resources": {"requests": DECLARED},
    }
    return document(name, kind, worker, {"strategy": "LoadAware", "requests": "Learned"})


async def grown(ground: RealGround, session: Session, kind: str) -> Json:
    """The Tasks that use much, all at once. Raises Disturbed when they do not end, or none was killed."""
    await ground.clear(session, [TASKS])
    courses = Courses(session)
    async with courses.watching():

        async def create(name: str) -> None:
            await courses.create(growing(name, kind, much=True), kind, WAIT_SECONDS + MUCH_SECONDS)

        await each([f"{kind}-{number:02}" for number in range(MUCH)], create, CREATE_WIDTH)
        await courses.ended(MOST_SECONDS)
        await asyncio.sleep(1)
    found = counted(list(courses.of.values()))
    if not found["killed"]:
        raise Disturbed(f"none of {MUCH} Tasks was killed: they did not grow at once")
    return found


def counted(courses: Sequence[Course]) -> Json:
    """`recovered`: of those that were killed below what they declare, how many succeeded without a failure spent."""
    killed = [course for course in courses if KILLED in course.reasons]
    fine = [course for course in killed if course.state == "SUCCESS" and course.failures == 0]
    return {
        "tasks": len(courses),
        "succeeded": sum(course.state == "SUCCESS" for course in courses),
        "killed": len(killed),
        "recovered": len(fine),
        "failures": sum(course.failures for course in courses),
        "evicted": sum(course.disruptions > 0 for course in courses),
        "asked_when_killed": sorted({course.killed_at for course in killed if course.killed_at}),
    }
