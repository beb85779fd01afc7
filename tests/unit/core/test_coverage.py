"""The conditions of the PlacementPolicy about load."""

from __future__ import annotations

from dataclasses import replace

from loadstar.core.coverage import METRICS_READY, Verdict, conditions, names, spoken
from loadstar.core.metering import Metering, Source, Sources
from loadstar.core.model import Condition, Sample
from loadstar.core.policy import Policy
from tests.unit.core.builders import NOW, snapshot, view

WELL = Verdict(True, "Measured", "all is well")
IO = Policy(metering=Metering(Sources(io=Source.KUBELET)))


def by_type(found: tuple[Condition, ...]) -> dict[str, Condition]:
    return {condition.type: condition for condition in found}


def test_every_named_source_has_a_condition() -> None:
    """And no other; that one was not read yet is neither good nor bad."""
    found = by_type(conditions(snapshot(view("a"), policy=IO), {Source.METRICS_SERVER: WELL}, ()))
    assert {kind: item.status for kind, item in found.items()} == {
        METRICS_READY: "Unknown",
        "MetricsServerReady": "True",
        "KubeletReady": "Unknown",
    }
    assert found[METRICS_READY].message == "Kubelet not read yet"


def test_a_failing_source_is_told_in_its_own_words() -> None:
    """In its own condition and in the sum."""
    bad = Verdict(False, "NoAnswer", "nobody there")
    found = by_type(conditions(snapshot(view("a")), {Source.METRICS_SERVER: bad}, ()))
    assert found["MetricsServerReady"].reason == "NoAnswer"
    assert (found[METRICS_READY].status, found[METRICS_READY].reason) == ("False", "SourceFailing")
    assert found[METRICS_READY].message == "MetricsServer: nobody there"


def test_a_resource_without_fresh_samples_is_told() -> None:
    """A source may be well and a resource unknown all the same: it is said which, and on which open nodes."""
    measured, stale, blind = view("a"), view("b"), view("c")
    for node, age in ((measured, 5), (stale, 181)):
        assert node.load is not None
        node.load = replace(node.load, io=Sample(0.5, NOW - age, 15, "test"))
    closed = view("d", cpu=None, ready=False)
    verdicts = {Source.METRICS_SERVER: WELL, Source.KUBELET: WELL}
    found = by_type(conditions(snapshot(measured, stale, blind, closed, policy=IO), verdicts, ()))[METRICS_READY]
    assert (found.status, found.reason) == ("False", "SamplesMissing")
    assert found.message == "I/O from Kubelet: fresh on 1 of 3 open nodes, not on b, c"


def test_all_is_well_says_what_is_unknown() -> None:
    """Without a source a resource is unknown by choice, which is no fault and is said."""
    found = by_type(conditions(snapshot(view("a")), {Source.METRICS_SERVER: WELL}, ()))[METRICS_READY]
    assert (found.status, found.message) == (
        "True",
        "CPU and memory from MetricsServer, I/O, load1 and I/O pressure unknown: no source is named",
    )


def test_the_time_of_a_change_is_kept() -> None:
    """Another reason or message is no change of the status."""
    before = (Condition("MetricsServerReady", "False", "NoAnswer", "x", 5.0),)
    same = conditions(snapshot(view("a")), {Source.METRICS_SERVER: Verdict(False, "Forbidden", "y")}, before)
    other = conditions(snapshot(view("a")), {Source.METRICS_SERVER: WELL}, before)
    assert by_type(same)["MetricsServerReady"].changed == 5.0
    assert by_type(other)["MetricsServerReady"].changed == NOW


def test_words() -> None:
    """Long lists are cut, short ones are spoken."""
    assert names("gfedcba") == "a, b, c, d, e and 2 more"
    assert spoken(["cpu", "memory", "io"]) == "CPU, memory and I/O"
