"""What came of a simulated trace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

LATE: Final = 3.0
"""A Task that takes longer than so many times its work counts as failed: a time-out would have ended it."""
HOT: Final = 0.9
"""A node whose demand is above this share of its cores is hot."""


@dataclass(slots=True)
class Course:
    """What happened to one Task: seconds, infinity for what did not come; `attempts`: how often it was placed."""

    arrival: float
    work: float
    delay: float
    placed: float = math.inf
    started: float = math.inf
    finished: float = math.inf
    node: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """All in sum. Slowdowns are multiples of a Task's work: `mean`, `p95`, `p99` of its run alone, which contention
    lengthens; `total_…` the same with the wait for a node, and with earlier attempts. `failed`: the share of Tasks
    whose run took longer than three times its work, `total_failed` with the wait. `sd`: the deviation over nodes of
    their CPU load, in the mean over time; `hot`: the share of nodes and time above 0.9; `load`: the mean of both.
    `waited`: the share of Tasks that waited for a second; `unfinished`: how many had not ended when it was given up,
    counted with what they had waited. `refused`: how many no node could ever hold, which are counted nowhere else.
    `lost`: attempts that were lost with their node.
    """

    tasks: int
    mean: float
    p95: float
    p99: float
    total_mean: float
    total_p95: float
    total_p99: float
    failed: float
    total_failed: float
    sd: float
    hot: float
    load: float
    waited: float
    unfinished: int
    refused: int
    lost: int


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value of sorted ones below which that share lies, by nearest rank."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def outcome(
    courses: Sequence[Course], given_up: float, watched: Sequence[tuple[float, float, float]], refused: int
) -> Outcome:
    """Sum up. `watched`: deviation, share of hot nodes and load, as often as was looked."""
    runs = sorted(
        (min(course.finished, given_up) - course.started) / course.work
        for course in courses
        if course.started < given_up
    )
    totals = sorted(total(course, given_up) for course in courses)
    runs, totals = runs or [1.0], totals or [1.0]
    return Outcome(
        tasks=len(courses),
        mean=fmean(runs),
        p95=percentile(runs, 0.95),
        p99=percentile(runs, 0.99),
        total_mean=fmean(totals),
        total_p95=percentile(totals, 0.95),
        total_p99=percentile(totals, 0.99),
        failed=sum(run > LATE for run in runs) / len(runs),
        total_failed=sum(value > LATE for value in totals) / len(totals),
        sd=fmean([item[0] for item in watched] or [0.0]),
        hot=fmean([item[1] for item in watched] or [0.0]),
        load=fmean([item[2] for item in watched] or [0.0]),
        waited=sum(course.placed - course.arrival > 1 for course in courses) / max(1, len(courses)),
        unfinished=sum(course.finished > given_up for course in courses),
        refused=refused,
        lost=sum(max(0, course.attempts - 1) for course in courses),
    )


def total(course: Course, given_up: float) -> float:
    """How long a Task took as a multiple of its work. The start of its container is no one's choice, and left out."""
    end = min(course.finished, given_up)
    return (end - course.arrival - (course.delay if course.finished <= given_up else 0.0)) / course.work
