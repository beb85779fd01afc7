"""Every Task of a trace comes, is placed, runs and ends, the same way each time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core.model import Strategy
from loadstar.simulate.fault import NOTICED, Fault, Kind
from loadstar.simulate.meter import Metering
from loadstar.simulate.run import GATHER, LEAD, Setting
from loadstar.simulate.shape import Burden
from loadstar.simulate.workload import Model
from tests.unit.simulate.clusters import host, job, ran


def test_a_task_alone_waits_for_the_cycle_and_its_container() -> None:
    """Placed when the cycle has gathered, started after its delay, ended after its work."""
    run, found = ran([job(arrival=7)], [host()])
    course = run.courses[0]
    assert [course.placed, course.started, course.finished] == pytest.approx([LEAD + GATHER, LEAD + 1.05, LEAD + 11.05])
    assert found.mean == pytest.approx(1)
    assert (found.unfinished, found.refused) == (0, 0)
    assert found.total_mean == pytest.approx(1 + GATHER / 10)


def test_requests_bind_and_waiting_counts() -> None:
    """Two Tasks that each request all of the only node run one after the other; what declares nothing runs at once."""
    jobs = [job(0, cpu=4), job(1, cpu=4)]
    run, found = ran(jobs, [host(cores=4)])
    assert run.courses[1].placed == pytest.approx(run.courses[0].finished + GATHER)
    assert found.mean == pytest.approx(1)
    assert found.total_mean > 1.4
    run, found = ran(jobs, [host(cores=4)], Setting(fit=False))
    assert found.mean == pytest.approx(2)


def test_what_fits_nowhere_is_refused_and_holds_nothing_up() -> None:
    """It is counted apart; the rest runs."""
    _, found = ran([job(0, cpu=9), job(1)], [host(cores=4)])
    assert (found.refused, found.tasks, found.unfinished) == (1, 1, 0)


def test_what_others_use_begins_and_changes_as_told() -> None:
    """Others who take all of four cores from five seconds on halve a Task of four cores from then on."""
    burdened = host(burdens=(Burden(0, 0), Burden(5, 4)))
    run, _ = ran([job(0, cpu=4, work=20)], [burdened])
    course = run.courses[0]
    alone = LEAD + 5 - course.started
    assert course.finished - course.started == pytest.approx(alone + 2 * (20 - alone))


def test_a_dead_node_loses_its_tasks_and_they_are_made_again() -> None:
    """After the time in which that is noticed, on another node, from the beginning."""
    fault = Fault(Kind.DEAD, "n0", 5, 1000)
    run, found = ran([job(work=20)], [host(cores=4)], Setting(faults=(fault,)))
    assert (found.lost, found.unfinished) == (1, 0), "with one node it waits for that to come back"
    run, found = ran([job(work=20)], [host("n0"), host("n1")], Setting(faults=(fault, Fault(Kind.DEAD, "n1", 5, 20))))
    assert (found.lost, found.unfinished) == (1, 0)
    assert run.courses[0].started > LEAD + 5 + NOTICED


def test_a_frozen_node_goes_on_later() -> None:
    """Nothing is lost; the Task takes as much longer as the node stood."""
    run, found = ran([job(work=20)], [host()], Setting(faults=(Fault(Kind.FROZEN, "n0", 5, 100),)))
    assert found.lost == 0
    assert run.courses[0].finished - run.courses[0].started == pytest.approx(120)


def test_a_dark_node_runs_on() -> None:
    """It has no samples, and that is all."""
    run, found = ran([job(work=20)], [host()], Setting(faults=(Fault(Kind.DARK, "n0", 0, 100),)))
    assert found.mean == pytest.approx(1)
    load = run.site.ledger.loads["n0"]
    assert load.cpu is not None
    assert load.cpu.timestamp < LEAD


@pytest.mark.parametrize("strategy", list(Strategy))
def test_the_same_seed_has_the_same_course(strategy: Strategy) -> None:
    """Of a model with bursts, lost samples and others on the nodes, by each strategy."""
    model = Model(nodes=5, seconds=60)
    first, second = (
        ran(model.jobs(3), model.hosts(3), Setting(metering=Metering(lost=0.2)), strategy)[0].courses for _ in range(2)
    )
    assert first == second


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), st.floats(0.5, 20), st.floats(0.1, 3)), min_size=1, max_size=25),
    st.sampled_from(list(Strategy)),
    st.booleans(),
)
def test_no_task_is_lost(tasks: list[tuple[float, float, float]], strategy: Strategy, fit: bool) -> None:
    """All end, none is faster than alone, and requests never exceed a node while they bind."""
    jobs = [job(number, at, work=work, cpu=cpu) for number, (at, work, cpu) in enumerate(tasks)]
    run, found = ran(jobs, [host("n0"), host("n1", 8)], Setting(fit=fit), strategy)
    assert (found.unfinished, found.refused, found.tasks) == (0, 0, len(jobs))
    for each in run.courses.values():
        assert each.arrival <= each.placed <= each.started < each.finished
        assert each.finished - each.started >= each.work - 1e-6
    assert all(not view.requested and not view.reservations for view in run.site.ledger.nodes.values())
    if fit:
        for name, cores in (("n0", 4.0), ("n1", 8.0)):
            here = [(each, jobs[number]) for number, each in run.courses.items() if each.node == name]
            for course, _ in here:
                at = course.placed
                assert sum(task.cpu for other, task in here if other.placed <= at < other.finished) <= cores + 0.02
