"""Rivals score as their own code does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.placement.rival import Rival
from bench.placement.shadow import Koordinator, Volcano
from bench.placement.simple import Chance, Oracle, Seed
from bench.placement.trimaran import LoadVariationRiskBalancing, TargetLoadPacking
from loadstar.core.classes import Use
from loadstar.core.model import Load, Sample
from loadstar.core.policy import Policy
from loadstar.simulate.job import Job
from loadstar.simulate.machine import Machine
from loadstar.simulate.meter import Reading
from loadstar.simulate.shape import Burden, Host
from loadstar.simulate.site import Site

GIB = 2**30
JOB = Job(1, 0, 10, 1.0, GIB, 0.0, "a", {"cpu": 1000, "memory": GIB})


def site(*hosts: Host) -> Site:
    return Site(Policy(), {host.name: Machine(host) for host in hosts}, fit=True)


def measured(rival: Rival, place: Site, name: str, cpu: float, at: float, uses: Sequence[Job] = ()) -> None:
    """A sample of so many cores and 1 GiB, known at once."""
    place.now = at
    load = Load(Sample(cpu, at, 15, "t"), Sample(GIB, at, 0, "t"), None)
    each = {job.uid: (job, Use(job.cpu * 1000, job.memory, None, at, 15)) for job in uses}
    place.ledger.put_loads({name: load})
    rival.read(Reading(name, load, each), place)


def cost(rival: Rival, place: Site, name: str = "a") -> float:
    return rival.cost(place.ledger.nodes[name], JOB, JOB.declared, place)


def put(rival: Rival, place: Site, job: Job, at: float) -> None:
    place.now = at
    rival.placed(job, "a", place)


def test_target_load_packing() -> None:
    """1.5 times the request is added; up to 40 % more is better, above it less; bound within a minute of the sample
    counts too.
    """
    rival, place = TargetLoadPacking(1), site(Host("a", 10, 40 * GIB))
    measured(rival, place, "a", 1.5, 100)
    assert cost(rival, place) == -round(60 * 30 / 40 + 40)
    put(rival, place, Job(2, 0, 10, 1, GIB, 0, "a", {"cpu": 2000}), 101)
    assert cost(rival, place) == -round(40 * (100 - 60) / 60)
    measured(rival, place, "a", 1.5, 170)
    assert cost(rival, place) == -85, "its minute is over"


def test_load_variation_risk_balancing() -> None:
    """Mean and deviation of the worse resource, a half each; nothing of what was bound since."""
    rival, place = LoadVariationRiskBalancing(1), site(Host("a", 10, 40 * GIB))
    measured(rival, place, "a", 1.0, 100)
    measured(rival, place, "a", 3.0, 115)
    assert cost(rival, place) == -round(100 * (1 - (0.4 + 0.1) / 2))
    put(rival, place, JOB, 116)
    assert cost(rival, place) == -round(100 * (1 - (0.4 + 0.1) / 2))


def test_koordinator_estimates_what_has_no_use_yet() -> None:
    """85 % of a request until a mean has it, and until one report later less what it uses; the mean itself is renewed
    once a minute.
    """
    rival, place = Koordinator(1), site(Host("a", 10, 100 * GIB))
    measured(rival, place, "a", 2.0, 100)
    other = Job(2, 0, 10, 1, GIB, 0, "a", {"cpu": 1000, "memory": GIB})
    put(rival, place, other, 101)
    view = place.ledger.nodes["a"]
    assert rival.used(view)[0] == pytest.approx(0.2 + 0.085)
    measured(rival, place, "a", 4.0, 130, [other])
    assert rival.used(view)[0] == pytest.approx(0.2 + 0.085), "not a minute since the last"
    measured(rival, place, "a", 3.0, 160, [other])
    assert rival.used(view)[0] == pytest.approx(0.3), "it uses all that it was estimated at"
    rival.ended(other, "a", place)
    assert rival.used(view)[0] == pytest.approx(0.3), "what ended stays in the mean"


def test_volcano_estimates_what_is_young() -> None:
    """70 % of a request for half a minute; 1.2 times that on a node above 60 %."""
    rival, place = Volcano(1), site(Host("a", 10, 2 * GIB))
    measured(rival, place, "a", 2.0, 100)
    put(rival, place, Job(2, 0, 10, 1, GIB, 0, "a", {"cpu": 1000, "memory": 0}), 101)
    view = place.ledger.nodes["a"]
    assert rival.used(view)[0] == pytest.approx(0.2 + 0.07)
    measured(rival, place, "a", 9.0, 131)
    mean = (2 + 9) / 20
    assert rival.used(view)[0] == pytest.approx(mean), "it is older than the interval"


def test_the_seed_rule_knows_nothing_of_what_was_placed() -> None:
    """The same node time and again until a sample shows it."""
    rival, place = Seed(1), site(Host("a", 10, 40 * GIB), Host("b", 10, 40 * GIB))
    measured(rival, place, "a", 1.0, 100)
    measured(rival, place, "b", 2.0, 100)
    for number in range(5):
        job = Job(number, 0, 10, 1, GIB, 0, "a", {"cpu": 1000, "memory": GIB})
        assert rival.choose(job, place) == "a"
        place.bind(job, "a", job.declared, None)


def test_the_oracle_knows_what_is_on_its_way() -> None:
    """And what others use, before any sample."""
    rival, place = Oracle(1), site(Host("a", 10, 40 * GIB), Host("b", 10, 40 * GIB))
    place.machines["a"].bear(Burden(0, 0.5), 0)
    first = rival.choose(JOB, place)
    assert first == "b"
    rival.placed(JOB, "b", place)
    assert rival.choose(Job(2, 0, 10, 1, GIB, 0, "a", {"cpu": 100, "memory": 1}), place) == "a"
    rival.ended(JOB, "b", place)
    assert rival.choose(Job(3, 0, 10, 1, GIB, 0, "a", {"cpu": 100, "memory": 1}), place) == "b"


def test_chance_takes_any_node_with_room() -> None:
    """And none without."""
    place = site(Host("a", 10, 40 * GIB), Host("b", 10, 40 * GIB), Host("c", 0.5, GIB))
    assert {Chance(seed).choose(JOB, place) for seed in range(20)} == {"a", "b"}
