"""What a Task asks for: by its class, never more than it declares, never less than a floor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.learning import (
    CPU_FLOOR,
    ENOUGH_PEAKS,
    ENOUGH_RUNS,
    MEMORY_FLOOR,
    asked,
    rule,
    spared,
    wants,
)
from loadstar.core.model import Attempt, Placement, TaskStatus, Worker
from loadstar.core.policy import Policy
from loadstar.core.profile import Profile
from loadstar.core.queues import TaskQueue
from loadstar.core.reasons import Reason
from loadstar.core.resources import NOTHING_LEARNED, Asks, Requests, Resources
from tests.unit.core.builders import GI, task
from tests.unit.core.test_profile import DECLARED, MI, after, run, usage

LEARNED = Policy(requests=Requests.LEARNED)
FRESH = TaskStatus()


def runs(count: int, cpu: float = 200, memory: float = 100 * MI) -> Profile:
    return after(*[run(usage=usage(cpu, memory))] * count)


def test_before_five_runs_nothing_is_learned() -> None:
    """A class is known from its fifth measured run on."""
    assert rule(None) == rule(runs(ENOUGH_RUNS - 1)) == NOTHING_LEARNED
    assert rule(runs(ENOUGH_RUNS)).requests.keys() == {"cpu", "memory"}


def test_cpu_is_the_mean_and_memory_the_largest_peak() -> None:
    """The mean and a twentieth; below 100 runs the largest peak and 15 %, in whole MiB."""
    profile = after(*[run(usage=usage(cpu, memory * MI)) for cpu, memory in [(100, 50), (300, 100)] * 3])
    found = rule(profile)
    assert found.requests["cpu"] == 212, "200 x 1.05, rounded up by at most 2 %"
    assert 115 * MI <= found.requests["memory"] <= 119 * MI
    assert found.requests["memory"] % MI == 0
    assert found.percentile == 100


def test_from_a_hundred_runs_on_a_rare_peak_counts_less() -> None:
    """The 99th percentile instead of the largest."""
    few = after(*[run(usage=usage(memory=(400 if n == 20 else 100) * MI)) for n in range(ENOUGH_PEAKS - 1)])
    many = after(*[run(usage=usage(memory=(400 if n == 20 else 100) * MI)) for n in range(300)])
    assert rule(few).requests["memory"] > 400 * MI
    assert rule(many).requests["memory"] < 120 * MI
    assert rule(many).percentile == 99


@given(
    st.integers(0, 10**6),
    st.integers(0, 2**45),
    st.fixed_dictionaries({}, optional={"cpu": st.integers(0, 10**6), "memory": st.integers(0, 2**45)}),
)
def test_never_more_than_declared(cpu: int, memory: int, declared: dict[str, int]) -> None:
    """Nor less than a floor, unless less is declared; what is not declared gets the class's values."""
    found = asked(declared, rule(runs(ENOUGH_RUNS, cpu, max(1, memory))), FRESH).requests
    assert all(value < declared.get(name, value + 1) for name, value in found.items())
    assert found.get("cpu", CPU_FLOOR) >= CPU_FLOOR
    assert found.get("memory", MEMORY_FLOOR) >= MEMORY_FLOOR
    assert {"cpu", "memory"} - declared.keys() <= found.keys()


def test_who_is_asked_for_what_was_learned() -> None:
    """The Task's word before the policy's; requests equal to limits are given up by the Task alone."""
    plain, promised = Worker(b"", DECLARED), Worker(b"", DECLARED, guaranteed=True)
    assert not wants(task(), plain, Policy())
    assert wants(task(), plain, LEARNED)
    assert not wants(task(), promised, LEARNED)
    asks = task(placement=Placement(requests=Requests.LEARNED))
    assert wants(asks, plain, Policy())
    assert wants(asks, promised, Policy())
    assert not wants(task(placement=Placement(requests=Requests.DECLARED)), plain, LEARNED)
    assert not wants(task(placement=Placement(requires_declared=True)), plain, LEARNED)
    assert not wants(asks, plain, LEARNED, required=True)


def test_the_queue_is_asked_between_task_and_policy() -> None:
    """A TaskQueue that says Learned or Declared comes before the policy and after the Task; one that is silent counts
    nothing.
    """
    plain, promised = Worker(b"", DECLARED), Worker(b"", DECLARED, guaranteed=True)
    learned, declared = (TaskQueue("ns", "q", requests=said) for said in (Requests.LEARNED, Requests.DECLARED))
    silent = TaskQueue("ns", "q")
    assert wants(task(), plain, Policy(), learned)
    assert not wants(task(), promised, Policy(), learned)
    assert not wants(task(), plain, LEARNED, declared)
    assert wants(task(), plain, LEARNED, silent)
    assert not wants(task(), plain, Policy(), silent)
    assert not wants(task(placement=Placement(requests=Requests.DECLARED)), plain, Policy(), learned)
    assert wants(task(placement=Placement(requests=Requests.LEARNED)), plain, Policy(), declared)
    assert not wants(task(), plain, Policy(), learned, required=True)


ASKS = Asks({"cpu": 100, "memory": 64 * MI}, 100)


def test_who_was_killed_gets_the_memory_it_declares() -> None:
    """From then on, for the whole life of the Task; its CPU stays learned."""
    status = TaskStatus(resources=Resources(DECLARED, ASKS.requests, killed=64 * MI))
    assert asked(DECLARED, ASKS, status) == Asks({"cpu": 100})
    assert asked({}, ASKS, status) == Asks({"cpu": 100}), "what declares nothing goes without"


def refusal(message: str) -> TaskStatus:
    return TaskStatus(attempts=(Attempt(1, "a", "p", Reason.POD_CREATE_FORBIDDEN, message=message),))


def test_a_refusal_is_not_asked_for_twice() -> None:
    """A LimitRange may have a minimum: then as declared. A quota is only helped by asking for less."""
    limit = 'pods "p" is forbidden: minimum memory usage per Container is 64Mi, but request is 16Mi'
    assert asked(DECLARED, ASKS, refusal(limit)) == NOTHING_LEARNED
    quota = 'pods "p" is forbidden: exceeded quota: q, requested: cpu=100m, used: cpu=1, limited: cpu=1'
    assert asked(DECLARED, ASKS, refusal(quota)) == ASKS


def test_a_kill_below_what_is_declared_is_free_once() -> None:
    """At the declared limit it is not, nor where no less was asked for, nor a second time."""
    held = Resources(DECLARED, {"cpu": 100, "memory": 64 * MI})
    modest = TaskStatus(resources=held)
    assert spared(modest, None, None)
    assert spared(modest, GI, usage(memory=0.5 * GI))
    assert not spared(modest, GI, usage(memory=0.99 * GI))
    assert not spared(TaskStatus(), None, None)
    assert not spared(TaskStatus(resources=Resources(DECLARED, {**DECLARED, "cpu": 10})), None, None)
    assert not spared(TaskStatus(resources=replace(held, killed=1)), None, None)


def test_little_ten_times_and_then_much() -> None:
    """The class goes back to what is declared, and then asks for what the much needs."""
    profile = runs(10, memory=50 * MI)
    assert rule(profile).requests["memory"] < 60 * MI
    one = run(oom=True, usage=usage(memory=55 * MI), requested=rule(profile).requests)
    profile = after(*[run(usage=usage(200, 50 * MI))] * 10, one)
    assert "memory" not in rule(profile).requests
    much = after(*[run(usage=usage(200, 50 * MI))] * 10, one, *[run(usage=usage(200, 700 * MI))] * ENOUGH_RUNS)
    assert rule(much).requests["memory"] > 700 * MI


@pytest.mark.parametrize("factor", [2, 4])
def test_memory_that_grows_is_followed(factor: int) -> None:
    """Peaks that were measured and not killed raise the request with the first of them, below a hundred runs."""
    before = after(*[run(usage=usage(200, 100 * MI))] * 10)
    grown = after(*[run(usage=usage(200, 100 * MI))] * 10, run(usage=usage(200, factor * 100 * MI)))
    assert rule(grown).requests["memory"] >= factor * 100 * MI > rule(before).requests["memory"]
