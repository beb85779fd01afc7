"""What classes of Tasks are learned to use."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.classes import LEAST_ALPHA, MOST_RATIO, PRIOR, Habit, Use, class_of, expected, learned
from loadstar.core.ledger import HABITS, Ledger
from loadstar.core.nodes import Charge
from loadstar.core.reservations import Reservation
from tests.unit.core.builders import GI, NOW, load, view, worker

REQUESTS = {"cpu": 400, "memory": GI}


def use(cpu: float | None = 200, memory: float | None = GI / 4, io: float | None = None) -> Use:
    return Use(cpu, memory, io, NOW, 15)


def test_a_class_is_its_template() -> None:
    """Equal templates are one class, also after a restart; another image or argument is another class."""
    assert class_of(worker()) == class_of(worker(cpu=7)) == "129b0e3034f8b3b9"
    assert class_of(worker()) != class_of(replace(worker(), document=b'{"image":"other"}'))


def test_the_first_observation_replaces_the_prior() -> None:
    """Until something was measured a Task uses what it requests; then what was seen, and its mean from then on."""
    assert expected(REQUESTS) == Reservation(400, GI)
    once = learned(PRIOR, REQUESTS, use())
    assert expected(REQUESTS, once) == Reservation(200, GI // 4)
    assert learned(once, REQUESTS, use(cpu=400)).cpu == pytest.approx(0.75)


def test_old_observations_fade() -> None:
    """After many observations a new one still counts a twentieth: classes change."""
    habit = Habit(1000, cpu=1.0)
    assert learned(habit, REQUESTS, use(cpu=800)).cpu == pytest.approx(1 + LEAST_ALPHA)


def test_without_a_request_the_class_is_what_it_used() -> None:
    """A Pod that names nothing is taken for 250m and 200Mi, and for what its class was measured to use once known."""
    assert expected({}) == Reservation(250, 200 * 2**20)
    assert expected({}, learned(PRIOR, {}, use(cpu=1000, memory=GI))) == Reservation(1000, GI)


@given(st.lists(st.sampled_from([None, float("nan"), float("inf"), -1.0, 0.0, 50.0, 1e30]), min_size=1, max_size=9))
def test_nonsense_teaches_nothing_harmful(values: list[float | None]) -> None:
    """Whatever is measured, the expected use is a number from nothing to so many times the request."""
    habit = PRIOR
    for value in values:
        habit = learned(habit, REQUESTS, use(value, value, value))
    res = expected(REQUESTS, habit)
    assert 0 <= res.cpu <= 400 * MOST_RATIO
    assert 0 <= res.memory <= GI * MOST_RATIO
    assert 0 <= res.io <= 1


def running(ledger: Ledger, identity: str = "x", cpu: int = 400, started: float = NOW - 60) -> None:
    ledger.put(identity, Charge("a", {"cpu": cpu, "memory": GI}, Reservation(cpu, GI, started=started)))


def test_a_ledger_learns_from_pods_that_ran_through_the_window() -> None:
    """A Pod that started within the window was not measured whole: it teaches nothing."""
    ledger = Ledger()
    running(ledger)
    running(ledger, "y", started=NOW - 5)
    ledger.put_uses({"y": ("c", use(cpu=1)), "gone": ("c", use(cpu=1))})
    assert ledger.habits == {}
    ledger.put_uses({"x": ("c", use(cpu=100))})
    assert ledger.expected("c", {"cpu": 1000}).cpu == 250
    assert ledger.expected("another", {"cpu": 1000}).cpu == 1000


def test_own_pods_that_are_held_back_show_how_much_a_node_lacks() -> None:
    """Where CPUs are saturated and nobody counts threads, demand is what our Pods use elsewhere over what they get."""
    ledger = Ledger()
    ledger.put_node(view("a").node)
    ledger.put_loads({"a": load(4, GI)})
    running(ledger)
    ledger.put_uses({"x": ("c", use(cpu=200))})
    assert ledger.nodes["a"].slowdown == 2.0
    ledger.put_uses({"x": ("c", use(cpu=500))})
    assert ledger.nodes["a"].slowdown == 1.0


def test_what_is_learned_is_bounded() -> None:
    """However many classes there are, so many are remembered."""
    ledger = Ledger()
    running(ledger)
    ledger.habits = {str(number): PRIOR for number in range(HABITS)}
    ledger.put_uses({"x": ("new", use())})
    assert len(ledger.habits) == HABITS
    assert "new" in ledger.habits
    assert "0" not in ledger.habits
