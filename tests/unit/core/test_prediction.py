"""The load of a node now: how old samples fade, what hides behind saturated CPUs, and what a margin is for."""

from __future__ import annotations

from dataclasses import replace
from math import exp
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.deviation import Deviation
from loadstar.core.fleet import NO_FLEET, Fleet, Level, survey
from loadstar.core.model import Load, NodeClass, Sample
from loadstar.core.nodes import NodeView
from loadstar.core.policy import Policy
from loadstar.core.prediction import FORGET_SECONDS, RISK, predict
from loadstar.core.reservations import Reservation, unseen
from loadstar.core.scoring import score
from tests.unit.core.builders import GI, NOW, load, view

POLICY = Policy()
FLEET = Fleet(Level(0.5, 0.04, 0.6), Level(0.3, 0.01, 0.4), None)


def node(cpu: float = 0.1, age: float = 5, **fields: Any) -> NodeView:
    found = view("a", **fields)
    found.load = load(cpu * 4, 0.1 * 8 * GI, timestamp=NOW - age)
    return found


def test_a_recent_sample_stands_for_itself() -> None:
    """For two windows nothing is taken off it, whatever the others are like."""
    assert predict(node(age=30), POLICY, NOW, FLEET).cpu.total == pytest.approx(0.1)


def test_an_instant_is_recent_for_as_long_as_what_was_measured_with_it() -> None:
    """Memory has no window of its own: how often it is measured is told by that of the CPU."""
    for age in (12, 30):
        assert predict(node(age=age), POLICY, NOW, FLEET).memory.total == pytest.approx(0.1)
    assert predict(node(age=60), POLICY, NOW, FLEET).memory.total > 0.1


def test_an_old_sample_gives_way_to_the_fleet_with_growing_margin() -> None:
    """Beyond two windows trust falls by the age, the rest is the fleet's mean, and its variance is in the margin."""
    trust = exp(-60 / FORGET_SECONDS)
    term = predict(node(age=90), POLICY, NOW, FLEET).cpu
    assert term.measured == pytest.approx(trust * 0.1 + (1 - trust) * 0.5)
    assert term.risk == pytest.approx(RISK * (0.04 * (1 - trust**2)) ** 0.5)


@given(st.floats(0, 1), st.lists(st.floats(0, 180), min_size=2, max_size=2))
def test_the_older_the_nearer_to_the_fleet(cpu: float, ages: list[float]) -> None:
    """What is predicted moves one way with age, from the sample to the fleet, and the margin only grows."""
    young, old = (predict(node(cpu, age), POLICY, NOW, FLEET).cpu for age in sorted(ages))
    assert abs(old.measured - 0.5) <= abs(young.measured - 0.5) + 1e-9
    assert old.risk >= young.risk - 1e-9


def test_a_stale_node_is_unknown_and_no_better_than_most() -> None:
    """After staleSeconds the sample says nothing: the node counts as loaded as three quarters of the others, or as far
    as it is requested, whichever is more; and it comes after every measured node.
    """
    stale = node(age=181, requested={"cpu": 400})
    found = score(stale, None, policy=POLICY, weights=POLICY.weights, prefers=(), now=NOW, fleet=FLEET)
    assert (found.node_class, found.cpu, found.memory) == (NodeClass.UNKNOWN, 0.6, 0.4)
    full = node(age=181, requested={"cpu": 3600})
    assert predict(full, POLICY, NOW, FLEET).cpu.total == 0.9
    assert predict(stale, POLICY, NOW, NO_FLEET).cpu.total == 0.1


def test_the_fleet_is_of_recent_samples_alone() -> None:
    """Old samples and nodes without any do not make up the mean they fall back on."""
    views = [node(0.2), node(0.4), node(0.9, age=31), view("b", cpu=None)]
    fleet = survey([(item.node, item.load) for item in views], POLICY, NOW)
    assert fleet.cpu is not None
    assert (fleet.cpu.mean, fleet.cpu.variance, fleet.cpu.upper) == pytest.approx((0.3, 0.01, 0.4))
    assert survey([], POLICY, NOW) == NO_FLEET


@pytest.mark.parametrize(
    ("load1", "slowdown", "share"), [(10, 1, 2.5), (2, 1, 1.0), (99, 1, 3.0), (None, 2, 2.0), (None, 1, 1.0)]
)
def test_saturated_cpus_hide_demand(load1: float | None, slowdown: float, share: float) -> None:
    """Full is full for a metric; threads that wait, or our own Pods' want of CPU, say how much more there is."""
    full = node(1.0)
    assert full.load is not None
    if load1 is not None:
        full.load = replace(full.load, load1=Sample(load1, NOW - 5, 60, "test"))
    full.slowdown = slowdown
    assert predict(full, POLICY, NOW).cpu.total == pytest.approx(share)


def test_threads_say_nothing_while_there_is_room() -> None:
    """Below saturation use is demand, whatever load1 is: it also counts what waits for disks."""
    idle = node(0.5)
    assert idle.load is not None
    idle.load = replace(idle.load, load1=Sample(40, NOW - 5, 60, "test"))
    assert predict(idle, POLICY, NOW).cpu.total == pytest.approx(0.5)


def test_pressure_makes_a_node_hot_and_changes_no_score() -> None:
    """Where Tasks wait for I/O a fifth of the time the node is hot, however idle it looks."""

    def of(pressure: float) -> tuple[NodeClass, float]:
        pressed = node()
        assert pressed.load is not None
        pressed.load = replace(pressed.load, io_pressure=Sample(pressure, NOW - 5, 10, "test"))
        found = score(pressed, None, policy=POLICY, weights=POLICY.weights, prefers=(), now=NOW)
        return found.node_class, found.total

    assert of(0.3) == (NodeClass.HOT, of(0.1)[1])
    assert of(0.1)[0] is NodeClass.COLD


def test_a_restless_node_has_a_margin() -> None:
    """Half a standard deviation of a node's samples is added to its load: of two alike the steady one is better."""
    steady, restless = NodeView(view("a").node), NodeView(view("b").node)
    for number in range(40):
        steady.measure(load(2, GI, timestamp=NOW - 400 + 10 * number))
        restless.measure(load(1 if number % 2 else 3, GI, timestamp=NOW - 400 + 10 * number))
    assert restless.cpu.sigma == pytest.approx(0.25, abs=0.03)
    assert predict(steady, POLICY, NOW).cpu.risk == 0
    assert predict(restless, POLICY, NOW).cpu.risk == pytest.approx(RISK * restless.cpu.sigma)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=30))
def test_a_deviation_is_never_more_than_the_spread(values: list[float]) -> None:
    """Mean and deviation stay within what was seen."""
    deviation = Deviation()
    for value in values:
        deviation = deviation.seen(value)
    assert deviation.mean is not None
    assert min(values) - 1e-9 <= deviation.mean <= max(values) + 1e-9
    assert deviation.sigma <= max(values) - min(values) + 1e-9


@pytest.mark.parametrize(
    ("started", "finished", "share"),
    [
        (-60, 0, -1.0),
        (-60, -5, -2 / 3),
        (-10, -5, -1 / 3),
        (-60, -15, 0.0),
        (-60, 5, -1.0),
        (5, 9, 0.0),
        (None, 0, 0.0),
    ],
)
def test_an_ended_pod_is_still_in_a_sample(started: float | None, finished: float, share: float) -> None:
    """It is credited with the share of the window in which it ran."""
    res = Reservation(1, 1, started=None if started is None else NOW + started, finished=NOW + finished)
    assert unseen(res, NOW, 15) == pytest.approx(share)


def test_memory_is_an_instant() -> None:
    """A Pod is in the sample of memory or not, by whether it ran at that instant."""
    assert [unseen(Reservation(1, 1, started=NOW + at), NOW, 0) for at in (-1, 1)] == [0, 1]
    over = [Reservation(1, 1, started=NOW - 9, finished=NOW + at) for at in (-1, 1)]
    assert [unseen(res, NOW, 0) for res in over] == [0, -1]


def test_more_than_was_measured_cannot_have_ended() -> None:
    """Credits take a node's load down to nothing and not below."""
    idle = view("a")
    idle.load = Load(Sample(0.1, NOW, 15, "t"), Sample(GI, NOW, 0, "t"), Sample(0.0, NOW, 15, "t"))
    idle.ended = {"x": Reservation(4000, 4 * GI, 0.5, NOW - 99, NOW)}
    found = predict(idle, POLICY, NOW)
    assert found.io is not None
    assert (found.cpu.total, found.memory.total, found.io.total) == (0, 0, 0)
