"""Faults by name and when they strike."""

from __future__ import annotations

import pytest

from tests.faults.fault import ABOUT, Fault, Kind, Plan, UnknownFaultError

TASK, POD = "/apis/loadstar.dev/v1alpha1/namespaces/n/tasks/t/status", "/api/v1/namespaces/n/pods"


def strikes(name: str, requests: list[tuple[str, str]], seconds: float = 0.1) -> list[int]:
    """The numbers of the requests that a fault strikes."""
    plan = Plan(Fault.parse(name))
    done = [plan.request(method, path, number * seconds) for number, (method, path) in enumerate(requests)]
    return [number for number, kind in done if kind is not Kind.CLEAN]


@pytest.mark.parametrize(
    "name", ["clean", "crash-after-3", "error-2x3", "drop-pods-4", "budgetx2", "gone-http-tasks-1"]
)
def test_names_go_there_and_back(name: str) -> None:
    """A case that a report names can be run again by that name."""
    assert Fault.parse(name).name == name


def test_unknown_names_are_refused() -> None:
    """With what there is instead."""
    with pytest.raises(UnknownFaultError, match="crash-after"):
        Fault.parse("explode-3")


def test_every_kind_is_explained() -> None:
    """`list` and the report have a sentence for each."""
    assert set(ABOUT) == set(Kind)


def test_a_crash_strikes_once() -> None:
    """The counter has moved on before the operator dies: the next one does not die at the same point."""
    plan = Plan(Fault.parse("crash-before-2"))
    kinds = [plan.request("PATCH", TASK, 0.0)[1] for _ in range(5)]
    assert kinds == [Kind.CLEAN, Kind.CRASH_BEFORE, Kind.CLEAN, Kind.CLEAN, Kind.CLEAN]
    assert plan.struck == 1


def test_windows() -> None:
    """`xM` strikes M requests in a row, a conflict only updates among them, a long throttle by the clock."""
    puts, mixed = [("PUT", TASK)] * 6, [("PUT", TASK), ("POST", POD)] * 3
    assert strikes("error-2x3", puts) == [2, 3, 4]
    assert strikes("conflict-2x2", mixed) == [3, 5]
    assert strikes("throttle-long-2x1", puts, seconds=0.4) == [2, 3, 4]
    assert strikes("budgetx2", [("DELETE", f"{POD}/a"), *puts, *[("DELETE", f"{POD}/b")] * 2]) == [1, 8]


def test_events() -> None:
    """Event N of the named stream, once; from there on for a late stream."""
    plan = Plan(Fault.parse("drop-pods-2"))
    assert [plan.event(stream, 2) for stream in ("tasks", "pods", "pods")] == [Kind.CLEAN, Kind.DROP, Kind.CLEAN]
    late = Plan(Fault.parse("late-pods-2"))
    assert [late.event("pods", number) for number in (1, 2, 3)] == [Kind.CLEAN, Kind.LATE, Kind.LATE]
