"""The model of a trace has the load, the classes and the errors that it is asked for."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

import pytest

from loadstar.simulate.background import Background
from loadstar.simulate.shape import resized
from loadstar.simulate.workload import Model
from tests.unit.simulate.clusters import host


def test_the_load_is_what_was_asked_for() -> None:
    """What Tasks use makes up the load less what others use, but for the last burst."""
    model = Model(nodes=30, load=0.7, seconds=600)
    jobs = model.jobs(1)
    cores = sum(each.cores for each in model.hosts(1))
    used = sum(each.cpu * each.work for each in jobs) / (cores * 600)
    assert used == pytest.approx(0.4, rel=0.15)
    assert [each.arrival for each in jobs] == sorted(each.arrival for each in jobs)


def test_the_share_in_bursts_is_what_was_asked_for() -> None:
    """Half of the Tasks come with others of their class at an instant."""
    for bursts in (0.0, 0.5):
        arrivals = [(seed, each.arrival) for seed in range(20) for each in Model(bursts=bursts).jobs(seed)]
        crowds = Counter(arrivals)
        assert fmean(crowds[each] > 1 for each in arrivals) == pytest.approx(bursts, abs=0.08)


def test_requests_are_wrong_by_the_factor() -> None:
    """Half as much is declared with factor 0.5, of CPU; classes repeat, and a class declares one thing."""
    right, half = Model().jobs(4), Model(factor=0.5).jobs(4)
    assert [each.declared["cpu"] for each in half] == pytest.approx([each.declared["cpu"] / 2 for each in right], abs=1)
    by_kind: dict[str, set[int]] = {}
    for each in right:
        by_kind.setdefault(each.kind, set()).add(each.declared["cpu"])
    assert len(by_kind) <= 12
    assert all(len(found) == 1 for found in by_kind.values())


def test_the_share_of_classes_with_io_is_exact() -> None:
    """Not by chance: 30 % of twelve classes are four."""
    found = {kind for seed in range(3) for kind in {each.kind for each in Model().jobs(seed) if each.io}}
    assert found <= {f"class-{number}" for number in range(4)}


def test_others_use_what_they_are_said_to() -> None:
    """In the mean over nodes and time; what they request is off by the factor at most."""
    model = Model(nodes=60, background=Background(cpu=0.3, wrong=2.0))
    hosts = model.hosts(2)
    used = fmean(fmean(each.cpu for each in one.burdens) / one.cores for one in hosts)
    assert used == pytest.approx(0.3, abs=0.05)
    assert all(each.requested["cpu"] <= 0.6 * each.cores * 1000 + 1 for each in hosts)


def test_more_nodes_are_the_same_again() -> None:
    """Under names of their own; fewer are the first ones."""
    found = resized([host("a", 2), host("b", 4)], 5)
    assert [(each.name, each.cores) for each in found] == [("a", 2), ("b", 4), ("a-2", 2), ("b-2", 4), ("a-3", 2)]
    assert [each.name for each in resized(found, 1)] == ["a"]
