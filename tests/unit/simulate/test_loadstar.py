"""Loadstar's strategies are asked as the operator asks them."""

from __future__ import annotations

from loadstar.core.model import Load, Sample, Strategy
from loadstar.core.placement import FULL_SECONDS, SHOWN_PODS
from loadstar.core.policy import Policy
from loadstar.core.quantity import Quantities
from loadstar.simulate.job import Job
from loadstar.simulate.loadstar import Loadstar
from loadstar.simulate.machine import Machine
from loadstar.simulate.shape import Host
from loadstar.simulate.site import Site
from tests.unit.simulate.clusters import GIB, host, job


def site(*hosts: Host) -> Site:
    return Site(Policy(), {each.name: Machine(each) for each in hosts}, fit=True)


def placed(chooser: Loadstar, place: Site, each: Job) -> str | None:
    node = chooser.choose(each, place)
    if node is not None:
        place.bind(each, node, place.asked(each, chooser), None)
        chooser.placed(each, node, place)
    return node


def test_by_load_and_what_was_promised() -> None:
    """The idle node first; what was promised to it counts before any sample shows it."""
    found, chooser = site(host("idle"), host("busy")), Loadstar(Strategy.LOAD_AWARE, 1)
    for name, cores in (("idle", 0.4), ("busy", 1.6)):
        found.ledger.put_loads({name: Load(Sample(cores, 0, 15, "t"), Sample(GIB, 0, 0, "t"), None)})
    assert [placed(chooser, found, job(number)) for number in range(3)] == ["idle", "idle", "busy"]


def test_round_robin_takes_turns() -> None:
    """By the weight of the nodes' cores."""
    found, chooser = site(host("a", 4), host("b", 8)), Loadstar(Strategy.ROUND_ROBIN, 1)
    places = [placed(chooser, found, job(number, cpu=0.1)) for number in range(6)]
    assert (places.count("a"), places.count("b")) == (2, 4)


def test_where_nothing_has_room_some_pods_wait_without_a_node() -> None:
    """After half a minute, at most so many; what is shown so is kube-scheduler's to place."""
    found, chooser = site(host(requested={"cpu": 4000})), Loadstar(Strategy.LOAD_AWARE, 1)
    jobs = [job(number) for number in range(SHOWN_PODS + 5)]
    found.now = FULL_SECONDS + 1
    assert [placed(chooser, found, each) for each in jobs] == [None] * len(jobs)
    assert len(chooser._unpinned) == SHOWN_PODS
    found.ledger.drop("others-n0")
    found.freed("n0")
    assert placed(chooser, found, jobs[0]) == "n0"
    assert len(chooser._unpinned) == SHOWN_PODS - 1


def test_a_chooser_may_ask_for_less_than_is_declared() -> None:
    """What binds is what is asked for; what is expected of it is by what is declared."""

    class Modest(Loadstar):
        def asks(self, job: Job) -> Quantities:
            return {"cpu": 500}

    found, chooser = site(host(cores=4, requested={"cpu": 3000})), Modest(Strategy.LOAD_AWARE, 1)
    found.ledger.put_loads({"n0": Load(Sample(0.1, 0, 15, "t"), Sample(GIB, 0, 0, "t"), None)})
    assert [placed(chooser, found, job(number)) for number in range(3)] == ["n0", "n0", None]
    view = found.ledger.nodes["n0"]
    assert view.requested["cpu"] == 4000
    assert [res.cpu for res in view.reservations.values()] == [1000, 1000], "it is expected to use what it declares"
