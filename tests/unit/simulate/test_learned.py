"""The simulated cluster with learned requests: it learns from samples alone, and what it learns makes room."""

from __future__ import annotations

import pytest

from loadstar.core.model import Strategy
from loadstar.core.policy import Policy
from loadstar.core.quantity import CPU, MEMORY
from loadstar.simulate.job import Job
from loadstar.simulate.learned import Learned
from loadstar.simulate.loadstar import Loadstar
from loadstar.simulate.outcome import Outcome
from loadstar.simulate.run import Run, Setting
from loadstar.simulate.shape import Host
from loadstar.simulate.site import Chooser

GIB = 2**30
HOST = Host("a", 4.0, 8.0 * GIB)


def job(number: int, arrival: float, *, memory: float = 0.1 * GIB, work: float = 60.0, kind: str = "k") -> Job:
    """Declares two cores and 2 GiB, and uses half a core."""
    return Job(number, arrival, work, 0.5, memory, 0.0, kind, {CPU: 2000, MEMORY: 2 * GIB})


def ran(chooser: Chooser, jobs: list[Job]) -> tuple[Outcome, Run]:
    run = Run(jobs, (HOST,), Setting(Policy(), kills=True), lambda _: chooser, 1)
    return run.run(), run


def test_what_was_learned_makes_room() -> None:
    """After five of a class that were measured, more run at once than fit on paper, and none is slower for it."""
    jobs = [job(number, 130.0 * (number // 2)) for number in range(6)]
    jobs += [job(10 + number, 600.0) for number in range(6)]
    declared, _ = ran(Loadstar(Strategy.LOAD_AWARE, 1), jobs)
    learned, run = ran(Learned(Strategy.LOAD_AWARE, 1), jobs)
    assert learned.total_mean < declared.total_mean - 0.3
    assert learned.mean == pytest.approx(declared.mean) == pytest.approx(1.0)
    assert run.site.asked(run._jobs[15], run._chooser)[CPU] < 600


def test_classes_that_never_repeat_gain_nothing() -> None:
    """Each asks for what it declares."""
    jobs = [job(number, 40.0 * number, kind=f"k{number}") for number in range(8)]
    declared, _ = ran(Loadstar(Strategy.LOAD_AWARE, 1), jobs)
    learned, run = ran(Learned(Strategy.LOAD_AWARE, 1), jobs)
    assert learned == declared
    assert all(run.site.asked(one, run._chooser) == one.declared for one in jobs)


def test_a_kill_is_learned_from_and_nothing_is_lost() -> None:
    """Who is killed for memory runs again with what it declares; its class asks for that too until it is known anew."""
    jobs = [job(number, 130.0 * (number // 2)) for number in range(6)]
    jobs += [job(10 + number, 600.0, memory=1.5 * GIB) for number in range(6)]
    outcome, run = ran(Learned(Strategy.LOAD_AWARE, 1), jobs)
    assert outcome.unfinished == 0
    assert outcome.lost > 0
    killed = [number for number, course in run.courses.items() if course.attempts > 1]
    assert all(run.site.asked(run._jobs[number], run._chooser)[MEMORY] == 2 * GIB for number in killed)
