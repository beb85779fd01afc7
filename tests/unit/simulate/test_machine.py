"""A node under contention slows what runs on it, in proportion, and loses no work."""

from __future__ import annotations

from math import inf, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.simulate.machine import Machine
from loadstar.simulate.shape import Burden
from tests.unit.simulate.clusters import GIB, host, job


def ends(machine: Machine) -> dict[int, float]:
    """When each Task ends, if nothing else comes."""
    found = {}
    while (due := machine.due()) < inf:
        found[machine.end(due).number] = due
    return found


def test_alone_a_task_takes_its_work() -> None:
    """Up to all that the node has, nothing contends."""
    machine = Machine(host(cores=2))
    machine.start(job(1, cpu=1), 0)
    machine.start(job(2, cpu=1), 0)
    assert ends(machine) == {1: 10, 2: 10}


def test_over_its_cores_all_are_slowed_alike() -> None:
    """Four cores asked of two: everything takes twice as long, and what is used is two."""
    machine = Machine(host(cores=2))
    for number in range(4):
        machine.start(job(number, cpu=1), 0)
    machine.advance(10)
    assert (machine.load, machine.cpu_used) == (2, 20)
    assert ends(machine) == dict.fromkeys(range(4), 20)


def test_a_full_disk_slows_only_those_who_use_it() -> None:
    """I/O over what the disk can do slows Tasks with I/O; a faster disk does not."""
    for disk, slow in ((1.0, 15.0), (2.0, 10.0)):
        machine = Machine(host(disk=disk))
        machine.start(job(1, io=0.75), 0)
        machine.start(job(2, io=0.75), 0)
        machine.start(job(3), 0)
        assert ends(machine) == {1: slow, 2: slow, 3: 10}


def test_memory_and_others_contend_too() -> None:
    """Twice the memory that there is halves the speed; so does what others use of the cores."""
    machine = Machine(host(cores=4))
    machine.start(job(1, memory=32 * GIB), 0)
    assert ends(machine) == {1: 20}
    machine = Machine(host(cores=4))
    machine.bear(Burden(0, 7), 0)
    machine.start(job(1), 0)
    assert ends(machine) == {1: 20}


def test_frozen_nothing_moves_and_then_it_goes_on() -> None:
    """A node that stands still for five seconds ends its Tasks five seconds later; a lost one never does."""
    machine = Machine(host())
    machine.start(job(1), 0)
    machine.freeze(3, frozen=True)
    assert machine.due() == inf
    machine.freeze(8, frozen=False)
    assert machine.due() == 15
    assert [each.number for each in machine.lose(9)] == [1]
    assert machine.due() == inf


@given(
    st.lists(
        st.tuples(st.floats(0, 50), st.floats(0.1, 40), st.floats(0.1, 4), st.sampled_from([0.0, 0.3, 0.8])),
        min_size=1,
        max_size=12,
    )
)
def test_work_is_conserved(tasks: list[tuple[float, float, float, float]]) -> None:
    """Whatever comes when: no Task is faster than alone, all end, and the CPU that was used is that of Tasks that ran:
    at most what each wanted for as long as it ran, and all of it where nothing contends.
    """
    machine = Machine(host(cores=4, disk=1.0))
    waiting = sorted(
        (job(number, at, work=work, cpu=cpu, io=io) for number, (at, work, cpu, io) in enumerate(tasks)),
        key=lambda each: each.arrival,
    )
    ended: dict[int, float] = {}
    wanted = 0.0
    contended = False
    for each in waiting:
        while (due := machine.due()) <= each.arrival:
            ended[machine.end(due).number] = due
        machine.start(each, each.arrival)
        contended |= machine.load > 1 or machine.io > 1
    while (due := machine.due()) < inf:
        ended[machine.end(due).number] = due
    assert ended.keys() == {each.number for each in waiting}
    for each in waiting:
        took = ended[each.number] - each.arrival
        assert took >= each.work - 1e-6
        wanted += each.cpu * took
    assert machine.cpu_used <= wanted + 1e-6
    if not contended:
        assert isclose(machine.cpu_used, sum(each.cpu * each.work for each in waiting), rel_tol=1e-6)
    assert machine.cpu == pytest.approx(0)
