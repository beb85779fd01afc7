"""A simulated node slows its Pods as much as is asked of it too much, and says what it did as a kubelet would."""

from __future__ import annotations

import pytest

from bench.live.scene import Ending, PodName, Scene
from loadstar.simulate.job import Job
from loadstar.simulate.shape import Burden, Host

GIB = 2**30


def job(number: int, work: float = 10.0, cpu: float = 1.0, memory: float = GIB) -> Job:
    return Job(number, 0.0, work, cpu, memory, 0.0, "kind", {})


def pod(number: int) -> PodName:
    return PodName("bench", f"pod-{number}", "worker")


def scene(*burdens: Burden) -> Scene:
    return Scene.of([Host("kwok-0", 2.0, 4 * GIB, burdens=burdens or (Burden(0.0, 0.0),))])


def test_pods_end_when_their_work_is_done_and_not_before() -> None:
    """Where nothing contends that is after as many seconds."""
    it = scene()
    it.start(pod(1), job(1), "kwok-0", 0, 5.0)
    assert it.due() == 15.0
    assert it.turn(14.9) == []
    assert it.turn(15.0) == [Ending(pod(1), 15.0)]
    assert (it.running, it.done) == ({}, {1: 15.0})


def test_what_is_asked_for_too_much_lengthens_every_run() -> None:
    """Four cores wanted of two: twice as long, with the others' use counted in."""
    it = scene(Burden(0.0, 2.0))
    for number in (1, 2):
        it.start(pod(number), job(number), "kwok-0", 0, 0.0)
    assert it.due() == pytest.approx(20.0)


def test_an_end_is_at_its_own_time_however_late_one_looks() -> None:
    """The second is alone from the first one's end on, whether that was seen then or not."""
    it = scene(Burden(0.0, 1.0))
    it.start(pod(1), job(1, 5.0), "kwok-0", 0, 0.0)
    it.start(pod(2), job(2, 10.0), "kwok-0", 0, 0.0)
    assert [ending.due for ending in it.turn(60.0)] == pytest.approx([7.5, 12.5])


def test_others_use_what_the_trace_says_from_when_it_begins() -> None:
    """Before that, as at its first second."""
    it = scene(Burden(0.0, 1.0), Burden(10.0, 2.0), Burden(20.0, 3.0))
    node = it.machines["kwok-0"]
    seen = []
    for now in (0.0, 35.0, 45.0, 70.0):
        it.bear(30.0, now)
        seen.append(node.cpu)
    assert seen == [1.0, 1.0, 2.0, 3.0]


def test_who_has_most_beyond_its_request_is_killed_for_memory() -> None:
    """Until the rest has room, and it is counted."""
    it = scene()
    assert it.start(pod(1), job(1, memory=2.5 * GIB), "kwok-0", 2 * GIB, 0.0) == []
    assert it.start(pod(2), job(2, memory=2 * GIB), "kwok-0", GIB, 1.0) == [Ending(pod(2), 1.0, killed=True)]
    assert (it.killed, list(it.running)) == (1, [1])


def test_a_pod_that_is_deleted_leaves_its_node() -> None:
    """An older Pod of the same Task takes nothing away with it."""
    it = scene()
    it.start(pod(1), job(1), "kwok-0", 0, 0.0)
    it.gone(PodName("bench", "another", "worker"), job(1), 1.0)
    assert it.machines["kwok-0"].cpu == 1.0
    it.gone(pod(1), job(1), 2.0)
    assert it.machines["kwok-0"].cpu == 0.0


def values(page: str) -> dict[str, float]:
    return {
        line.partition("{")[0].split()[0]: float(line.rpartition("} ")[2].split()[-2 if "{" not in line else 0])
        for line in page.splitlines()
    }


def test_a_kubelet_counts_what_was_got_and_not_what_was_wanted() -> None:
    """Half of what is wanted at twice as much as there is; the node counts all that it has."""
    it = scene(Burden(0.0, 3.0, 1.0))
    it.start(pod(1), job(1, 60.0), "kwok-0", 0, 10.0)
    found = values(it.page("kwok-0", 20.0, 1000.0))
    assert found["container_cpu_usage_seconds_total"] == pytest.approx(5.0)
    assert found["node_cpu_usage_seconds_total"] == pytest.approx(40.0)
    assert found["node_memory_working_set_bytes"] == GIB + 1
    assert found["container_start_time_seconds"] == 1010.0


def test_loads_are_looked_at_over_all_nodes() -> None:
    """Deviation, share of hot ones, mean, each with its time."""
    it = Scene.of([Host("a", 1.0, GIB, burdens=(Burden(0.0, 1.0),)), Host("b", 1.0, GIB, burdens=(Burden(0.0, 0.5),))])
    it.look(7.0)
    assert it.watched == [(7.0, 0.25, 0.5, 0.75)]
