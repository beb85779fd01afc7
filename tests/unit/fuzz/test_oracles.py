"""What the fuzz would see if something were wrong: each oracle is shown the fault that it is there for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.fuzz.api import Answer, Api
from tests.fuzz.cases import Case
from tests.fuzz.process import Operator
from tests.fuzz.recorder import Recorder
from tests.fuzz.world import Book, World, was_taken

Json = dict[str, Any]

NO_API = cast("Api", None)
CASE = Case(7, "task by field", "empty at worker", {})
TASK: Json = {"metadata": {"namespace": "fuzz", "name": "f-7", "uid": "abcde123", "resourceVersion": "1"}}


@pytest.fixture
def world() -> World:
    """A world without a cluster."""
    return World(NO_API, Recorder(NO_API), Book(note=lambda _: None))


def pod(name: str, uid: str, phase: str = "Running") -> Json:
    return {"metadata": {"namespace": "fuzz", "name": name, "uid": uid}, "spec": {}, "status": {"phase": phase}}


def texts(world: World) -> list[str]:
    return [fault["text"] for fault in world.book.faults]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ({"level": "error", "message": "a decision failed", "error": "Traceback …"}, "traceback"),
        ({"level": "error", "message": "the API server refused a write"}, "error logged"),
        ({"level": "critical", "message": "part loads ended"}, "error logged"),
        ("Traceback (most recent call last):", "traceback outside the log"),
        ({"level": "warning", "message": "no load samples"}, None),
        ({"level": "info", "message": "f-7 became SUCCESS", "task": "f-7"}, None),
        ("not of the log", None),
    ],
)
def test_the_log_is_read(line: Any, text: str | None) -> None:
    """Tracebacks and errors in the operator's log are faults, warnings are not."""
    told: list[str] = []
    operator = Operator({}, Path("unused"), 1, lambda words, _: told.append(words))
    operator._read((line if isinstance(line, str) else json.dumps(line)).encode())
    assert told == ([text] if text else [])


@pytest.mark.parametrize(
    ("answer", "faults"),
    [
        (Answer(201, {}), []),
        (Answer(422, {"message": "spec.priority: must be 0 to 1000"}), []),
        (Answer(422, {"message": "no"}), ["refused (422) without a word on what is allowed"]),
        (Answer(500, {"message": "must not be"}), ["the API server answered 500"]),
    ],
)
def test_answers_are_judged(world: World, answer: Answer, faults: list[str]) -> None:
    """A refusal is a 4xx in words; a 5xx never."""
    assert world.judge(CASE, answer) is answer.ok
    assert texts(world) == faults


def test_two_live_pods_are_seen(world: World) -> None:
    """Two Pods of one Task live at once are seen by their names; one after the other is fine."""
    recorder = world.recorder
    recorder._pod("ADDED", pod("f-7-abcde-0-1", "u1"))
    recorder._pod("MODIFIED", pod("f-7-abcde-0-1", "u1", "Succeeded"))
    recorder._pod("ADDED", pod("f-7-abcde-0-2", "u2"))
    assert not recorder.overlap(TASK)
    recorder._pod("ADDED", pod("f-7-abcde-0-3", "u3"))
    words = recorder.overlap(TASK)
    assert "f-7-abcde-0-2" in words
    assert "f-7-abcde-0-3" in words
    assert recorder.count_made(TASK) == 3


def test_the_fuzz_own_pods_do_not_count(world: World) -> None:
    """A Pod that the fuzz itself made under such a name is none of the Task's."""
    recorder = world.recorder
    recorder._pod("ADDED", pod("f-7-abcde-0-1", "u1"))
    recorder._pod("ADDED", pod("f-7-abcde-0-2", "u2"))
    recorder.foreign.add("u2")
    assert not recorder.overlap(TASK)
    assert recorder.count_made(TASK) == 1


def test_writes_are_counted_once(world: World) -> None:
    """Every version of a Task is one write, seen twice or not."""
    for version in ("1", "1", "2"):
        world.recorder._task("MODIFIED", {"metadata": {**TASK["metadata"], "resourceVersion": version}})
    assert world.recorder.writes["abcde123"] == 2


def test_the_schema_default_is_not_the_operators_word() -> None:
    """What the API server fills in itself does not say that the operator has taken the Task."""
    assert not was_taken({**TASK, "status": {"state": "PENDING", "reason": "Queued"}})
    assert was_taken({**TASK, "status": {"state": "PENDING", "reason": "NoMatchingNode", "conditions": [{}]}})
