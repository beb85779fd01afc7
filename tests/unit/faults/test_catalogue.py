"""Which cases there are."""

from __future__ import annotations

import pytest

from tests.faults import catalogue
from tests.faults.fault import Fault, UnknownFaultError
from tests.faults.proxy import Asked
from tests.faults.scenarios import ALL, BY_NAME

TASK, POD = "/apis/loadstar.dev/v1alpha1/namespaces/n/tasks/t/status", "/api/v1/namespaces/n/pods"
CLEAN = [Asked(1, "PUT", TASK, 0.0, 200), Asked(2, "POST", POD, 0.0, 201), Asked(3, "PUT", TASK, 0.0, 200)]


def names(scenario: str) -> list[str]:
    return [fault.name for fault in catalogue.faults(BY_NAME[scenario], CLEAN, {"tasks": 2, "pods": 1})]


def test_every_point_is_hit() -> None:
    """Crash before and after, errors, resets and a split at every request; no case twice; each name leads back."""
    found = names("retry")
    for number in (1, 2, 3):
        for kind in ("crash-before", "crash-after", "error", "reset", "lost-reply", "throttle", "split"):
            assert f"{kind}-{number}" in found
    assert len(found) == len(set(found))
    assert [Fault.parse(name).name for name in found] == found


def test_only_updates_conflict() -> None:
    """A POST is never answered Conflict by an API server; nor is there anybody to write it before."""
    found = names("retry")
    assert "conflict-1" in found
    assert "rival-3" in found
    assert "conflict-2" not in found
    assert "rival-2" not in found


def test_events_are_hit() -> None:
    """Each event of each stream is dropped, doubled and swapped."""
    assert {"drop-tasks-1", "drop-tasks-2", "drop-pods-1", "double-pods-1", "swap-tasks-2"} <= set(names("single"))


def test_a_case_by_its_name() -> None:
    """Scenario and fault; a wrong name says which there are."""
    assert catalogue.parse("retry/crash-after-3") == (BY_NAME["retry"], Fault.parse("crash-after-3"))
    with pytest.raises(UnknownFaultError, match="single"):
        catalogue.parse("nothing/clean")


def test_names_of_scenarios_fit() -> None:
    """A namespace is named after its scenario, and a case after both."""
    assert all("/" not in scenario.name and len(scenario.name) <= 24 for scenario in ALL)
    assert len(BY_NAME) == len(ALL)
