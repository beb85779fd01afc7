"""The policy's status as it is written: within its own schema, however many nodes there are."""

from __future__ import annotations

from loadstar.api.policy import PlacementPolicyStatus
from loadstar.api.standing import topology_document
from loadstar.core.reservations import Reservation
from loadstar.core.standing import standings, topology
from tests.unit.core.builders import GI, NOW, snapshot, view


def test_the_status_of_many_nodes_is_what_the_schema_allows() -> None:
    """Of 1,000 nodes 40 are written; the models take it, and read what was written."""
    nodes = [view(f"n{number}", number / 1200, reservations=[Reservation(100, GI)]) for number in range(1000)]
    document = topology_document(topology(standings(snapshot(*nodes, view("blind", cpu=None)))))
    read = PlacementPolicyStatus.model_validate(document)
    assert read.best is not None
    assert read.worst is not None
    assert read.totals is not None
    assert (len(read.best), len(read.worst)) == (20, 20)
    assert read.best[0].cpu.predicted == 0.025
    assert (read.totals.nodes, read.totals.unknown, read.totals.tasks) == (1001, 1, 1000)
    assert (read.totals.reserved_cpu, read.totals.reserved_memory) == ("100", "1000Gi")
    assert read.worst[0].because == "no CPU sample, no memory sample"


def test_what_has_ended_is_said_as_less_than_nothing() -> None:
    """A sample that still has a Pod that is gone says more than there is: the sum is negative and readable."""
    ended = view("a", 0.5)
    ended.ended = {"x": Reservation(500, GI, started=NOW - 60, finished=NOW - 8)}
    document = topology_document(topology(standings(snapshot(ended))))
    assert document["totals"]["reservedCpu"].startswith("-")
    assert document["best"][0]["cpu"]["reserved"] < 0
