"""The rules that a recorded history is held to: each breach is found, and a good history has none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.history import History, Seen

Json = dict[str, Any]


class Story:
    """Events in the order in which they are told."""

    def __init__(self) -> None:
        self.history = History("ns")

    def task(self, state: str, change: str = "MODIFIED", *, after_gap: bool = False, **status: Any) -> Story:
        body = {"metadata": {"name": "t", "uid": "u", "generation": 1}, "status": {"state": state, **status}}
        return self._add("Task", change, body, after_gap=after_gap)

    def pod(self, name: str, phase: str, change: str = "MODIFIED", uid: str = "") -> Story:
        labels = {"loadstar.dev/task-uid": "u"}
        return self._add(
            "Pod",
            change,
            {"metadata": {"name": name, "uid": uid or name, "labels": labels}, "status": {"phase": phase}},
        )

    def _add(self, kind: str, change: str, body: Json, *, after_gap: bool = False) -> Story:
        number = len(self.history.events) + 1
        body["metadata"]["resourceVersion"] = str(number)
        self.history.events.append(Seen(float(number), kind, change, body, after_gap))
        return self


def started() -> Story:
    """A Task whose first Pod runs."""
    told = Story().task("PENDING", "ADDED").task("ASSIGNED", attempt=1).pod("t-1", "Pending", "ADDED")
    return told.pod("t-1", "Running").task("RUNNING", attempt=1)


def test_good_history() -> None:
    """A retry and a success break no rule; times are those of arrival."""
    told = started().pod("t-1", "Failed").task("PENDING", attempt=1).task("ASSIGNED", attempt=2)
    told.pod("t-2", "Running", "ADDED").task("RUNNING", attempt=2).pod("t-2", "Succeeded").task("SUCCESS", attempt=2)
    assert told.history.violations() == []
    assert told.history.states("t") == ["PENDING", "ASSIGNED", "RUNNING", "PENDING", "ASSIGNED", "RUNNING", "SUCCESS"]
    assert told.history.assignments() == [2.0, 8.0]
    assert told.history.longest_wait(3.0, 20.0) == 6.0
    assert len(told.history.pods()) == 2


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (started().pod("t-2", "Pending", "ADDED"), "two live Pods"),
        (Story().task("PENDING", "ADDED").task("RUNNING"), "from PENDING to RUNNING"),
        (started().pod("t-1", "Succeeded").task("SUCCESS").task("SUCCESS", exitCode=1), "was final and changed"),
        (started().pod("t-1", "Succeeded").task("SUCCESS").task("PENDING"), "from SUCCESS to PENDING"),
        (started().task("SUCCESS"), "with a live Pod: t-1"),
        (started().pod("t-1", "Running", "DELETED").pod("t-1", "Pending", "ADDED", uid="new"), "created 2 times"),
        (Story().task("PENDING", "ADDED", observedGeneration=2), "observed generation 2 of 1"),
    ],
)
def test_breach_is_found(told: Story, word: str) -> None:
    """Each breach is told once, in words."""
    found = told.history.violations()
    assert any(word in text for text in found), found


def test_a_gap_hides_steps_not_ends() -> None:
    """After a gap of the watch a missed step is no breach; a final status that changed still is."""
    assert Story().task("PENDING", "ADDED").task("RUNNING", after_gap=True).history.violations() == []
    told = started().pod("t-1", "Succeeded").task("SUCCESS").task("FAILED", after_gap=True)
    assert any("was final" in text for text in told.history.violations())
