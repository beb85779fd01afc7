"""Every policy of a pair meets the same, and everybody has the same past."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.live.trace import Past, drawn, fitting
from loadstar.core.quantity import CPU, MEMORY
from loadstar.simulate.job import Job
from loadstar.simulate.shape import Host
from loadstar.simulate.workload import Model

MODEL = Model(nodes=6, seconds=120.0)


def test_a_seed_is_a_trace() -> None:
    """The same one always, and another for another."""
    assert drawn(MODEL, 1) == drawn(MODEL, 1)
    assert drawn(MODEL, 1) != drawn(MODEL, 2)


def test_faster_is_the_same_in_less_time() -> None:
    """Work, arrivals and the others' course, all at once: loads stay what they are."""
    slow, fast = drawn(MODEL, 1), drawn(MODEL, 1, pace=4.0)
    assert [job.work / 4 for job in slow.jobs] == [job.work for job in fast.jobs]
    assert [job.arrival / 4 for job in slow.jobs] == [job.arrival for job in fast.jobs]
    assert [job.cpu for job in slow.jobs] == [job.cpu for job in fast.jobs]
    assert fast.hosts[0].burdens[3].since == slow.hosts[0].burdens[3].since / 4


def test_the_past_has_every_class_and_is_over_before_what_counts() -> None:
    """So many runs of each that comes later, of one length."""
    past = Past(runs=6, work=48.0, within=15.0, seconds=100.0)
    trace = drawn(MODEL, 1, past=past)
    before = [job for job in trace.jobs if job.arrival < trace.warm]
    later = [job for job in trace.jobs if job.arrival >= trace.warm]
    assert Counter(job.kind for job in before) == dict.fromkeys({job.kind for job in later}, 6)
    assert {job.work for job in before} == {48.0}
    assert max(job.arrival for job in before) <= 15.0
    assert [job.number for job in trace.jobs] == list(range(len(trace.jobs)))


@pytest.mark.parametrize(("cpu", "fits"), [(3000, True), (3001, False)])
def test_what_no_node_could_ever_hold_is_left_out(cpu: int, fits: bool) -> None:
    """Beside what others request."""
    host = Host("a", 4.0, 2.0**33, requested={CPU: 1000, MEMORY: 2**30})
    job = Job(0, 0.0, 1.0, 1.0, 1.0, 0.0, "kind", {CPU: cpu, MEMORY: 2**30})
    assert (fitting([job], [host]) == [job]) is fits
