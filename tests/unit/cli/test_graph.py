"""`loadstar graph`: the tree of a Task, whatever shape it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module

import pytest
from click.testing import CliRunner

from loadstar.api import API_VERSION
from loadstar.cli import main
from loadstar.cli.graph import DEEPEST, LONGEST, drawn
from loadstar.core.dependencies import Rule
from loadstar.core.model import Task, TaskStatus
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from tests.unit.cli.cluster import FakeClient
from tests.unit.cli.cluster import task as document
from tests.unit.core.builders import task


def some(**waits: tuple[str, ...]) -> dict[str, Task]:
    return {
        name: task(name=name, uid=name, dependencies=dict.fromkeys(others, Rule.SUCCESS))
        for name, others in waits.items()
    }


def test_a_diamond_is_drawn_once() -> None:
    """Both sides are there, what is reached twice is shown once, and who waits for the Task is below."""
    tasks = some(a=(), b=("a",), c=("a",), d=("b", "c"), e=("d",))
    assert drawn("d", tasks) == [
        "d  PENDING Queued",
        "├─ b  PENDING Queued",
        "│  └─ a  PENDING Queued",
        "└─ c  PENDING Queued",
        "   └─ a  PENDING Queued",
        "waited for by",
        "└─ e  PENDING Queued",
    ]
    twice = some(z=(), a=("z",), b=("a",), c=("a",), d=("b", "c"))
    assert drawn("d", twice)[-1] == "   └─ a  PENDING Queued (above)"


def test_rules_missing_ones_and_priorities_are_told() -> None:
    """How a dependency must end, that it is not there, that another one has its name, what it inherits."""
    tasks = {
        "a": task(TaskStatus(state=State.FAILED, reason=Reason.WORKER_FAILED), name="a", uid="a"),
        "c": task(name="c", uid="c"),
        "d": task(
            TaskStatus(resolved="-" * 18 + "oc_______" + "ogone____"),
            name="d",
            uid="d",
            priority=900,
            dependencies={"a": Rule.FAILURE, "b": Rule.FINISHED, "c": Rule.SUCCESS, "e": Rule.SUCCESS},
        ),
        "e": task(name="e", uid="e"),
    }
    assert drawn("d", tasks) == [
        "d  PENDING Queued",
        "├─ a  FAILED WorkerFailed, must end in FAILED",
        "├─ b  not there, may end either way",
        "├─ c  PENDING Queued, priority 900 instead of 500: inherited",
        "└─ e  PENDING Queued, was another Task, which is gone",
    ]


def test_cycles_depths_and_widths_end() -> None:
    """However large or round a graph is, some screens of it are shown, and how much is not."""
    assert drawn("a", some(a=("b",), b=("a",)))[:3] == [
        "a  PENDING Queued",
        "└─ b  PENDING Queued",
        "   └─ a  PENDING Queued (above)",
    ]
    deep = some(**{f"t{n}": (f"t{n + 1}",) for n in range(1000)})
    lines = drawn("t0", deep)
    assert len(lines) == 1 + DEEPEST
    assert lines[-1].endswith(f"t{DEEPEST}  PENDING Queued …")
    wide = some(all=tuple(f"t{n}" for n in range(1000)))
    lines = drawn("all", wide)
    assert (len(lines), lines[-1]) == (LONGEST + 2, f"… {1000 - LONGEST} more")


def test_the_command_reads_the_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """One list with the user's own rights; a Task that is not there is an error."""
    one, other = document("t"), document("u")
    one["spec"]["dependencies"] = ["u"]

    @asynccontextmanager
    async def connected() -> AsyncIterator[FakeClient]:
        client = FakeClient()
        client.objects[f"/apis/{API_VERSION}/namespaces/ns/tasks"] = {"items": [one, other]}
        yield client

    monkeypatch.setattr(import_module("loadstar.cli.graph"), "connected", connected)
    said = CliRunner().invoke(main, ["graph", "t", "-n", "ns"])
    assert said.output == "t  PENDING Queued\n└─ u  PENDING Queued\n"
    none = CliRunner().invoke(main, ["graph", "x", "-n", "ns"])
    assert (none.exit_code, none.output) == (1, "Error: there is no Task x in ns\n")


def test_what_ended_is_shown_as_it_was() -> None:
    """A graph is read after its end too."""
    tasks = some(a=(), b=("a",))
    tasks["a"] = replace(tasks["a"], status=TaskStatus(state=State.SUCCESS, reason=Reason.COMPLETED))
    tasks["b"] = replace(tasks["b"], status=TaskStatus(state=State.SUCCESS, reason=Reason.COMPLETED))
    assert drawn("b", tasks) == ["b  SUCCESS Completed", "└─ a  SUCCESS Completed"]
