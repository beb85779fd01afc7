"""kube-scheduler goes by requests, and by nothing else."""

from __future__ import annotations

from loadstar.core.model import Load, Sample
from loadstar.core.policy import Policy
from loadstar.simulate.kube_scheduler import KubeScheduler
from loadstar.simulate.machine import Machine
from loadstar.simulate.shape import Host
from loadstar.simulate.site import Site
from tests.unit.simulate.clusters import GIB, host, job


def site(*hosts: Host, fit: bool = True) -> Site:
    return Site(Policy(), {each.name: Machine(each) for each in hosts}, fit=fit)


def test_the_least_requested_node_wins_whatever_it_does() -> None:
    """A node that is busy in truth and requested little is chosen."""
    found = site(host("busy"), host("full", requested={"cpu": 2000, "memory": 4 * GIB}))
    found.ledger.put_loads({"busy": Load(Sample(4, 0, 15, "t"), Sample(GIB, 0, 0, "t"), None)})
    assert KubeScheduler(1).choose(job(), found) == "busy"


def test_room_is_by_requests() -> None:
    """Where nothing has room the Task waits, and is asked about again when something has ended."""
    found, chooser = site(host(requested={"cpu": 3500})), KubeScheduler(1)
    assert chooser.choose(job(), found) is None
    found.ledger.drop("others-n0")
    assert chooser.choose(job(), found) is None
    found.freed("n0")
    assert chooser.choose(job(), found) == "n0"


def test_pods_without_requests_count_all_the_same() -> None:
    """As 100m each, so they spread."""
    found, chooser = site(host("a"), host("b"), fit=False), KubeScheduler(1)
    places = []
    for number in range(10):
        each = job(number)
        node = chooser.choose(each, found)
        assert node is not None
        found.bind(each, node, {}, None)
        chooser.placed(each, node, found)
        places.append(node)
    assert (places.count("a"), places.count("b")) == (5, 5)


def test_of_equal_nodes_one_is_drawn() -> None:
    """Not always the first."""
    found = site(*(host(f"n{number}") for number in range(4)))
    assert len({KubeScheduler(seed).choose(job(), found) for seed in range(20)}) > 1


def test_node_affinity_weighs_more_than_what_is_left() -> None:
    """Of the nodes that a Pod names, the preferred one is taken unless it is much fuller."""
    found = site(host("a", requested={"cpu": 400}), host("b"), host("c"))
    requests = {"cpu": 100, "memory": GIB // 4}
    assert KubeScheduler(1).best(requests, found.ledger.nodes, {"a": 100, "b": 60}) == "a"
    found = site(host("a", requested={"cpu": 3900}), host("b"))
    assert KubeScheduler(1).best(requests, found.ledger.nodes, {"a": 100, "b": 60}) == "b"
