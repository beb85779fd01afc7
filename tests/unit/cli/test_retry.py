"""`loadstar retry`: what has ended once more as a new Task, and only that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from itertools import islice

import pytest
from click.testing import CliRunner, Result

from loadstar.api import API_VERSION
from loadstar.cli import main
from loadstar.cli.retry import copy, following
from loadstar.runtime.ports import AlreadyExists, Forbidden
from tests.unit.cli.cluster import FakeClient, Json, task

TASKS = f"/apis/{API_VERSION}/namespaces/ns/tasks"


class Client(FakeClient):
    """Takes new Tasks, unless the name is taken or the user may not."""

    may = True

    async def request(
        self, method: str, path: str, body: Json | None = None, *, params: Mapping[str, str] | None = None
    ) -> Json:
        if method != "POST" or body is None:
            return await super().request(method, path, params=params)
        if not self.may:
            raise Forbidden("you may not create tasks")
        name = f"{path}/{body['metadata']['name']}"
        if name in self.objects:
            raise AlreadyExists(name)
        self.objects[name] = body
        return body


def with_objects(objects: dict[str, Json]) -> Client:
    client = Client()
    client.objects |= objects
    return client


def run(monkeypatch: pytest.MonkeyPatch, client: Client, *arguments: str) -> Result:
    @asynccontextmanager
    async def connected() -> AsyncIterator[Client]:
        yield client

    monkeypatch.setattr(import_module("loadstar.cli.retry"), "connected", connected)
    return CliRunner().invoke(main, ["retry", "-n", "ns", *arguments])


def ended(name: str = "t", state: str = "FAILED", **spec: object) -> Json:
    one = task(name, state)
    one["metadata"] |= {"labels": {"loadstar.dev/class": "c"}, "annotations": {"mine": "1"}, "generation": 3}
    one["spec"] |= spec
    return one


def test_what_has_ended_is_made_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spec and labels as they were, less what was asked of the old one; a new name, and where it is from."""
    client = with_objects({f"{TASKS}/t": ended(cancel=True, suspend=True, priority=700)})
    said = run(monkeypatch, client, "t")
    assert (said.exit_code, said.output) == (0, "ns/t-r2 created, a retry of t\n")
    made = client.objects[f"{TASKS}/t-r2"]
    assert made["metadata"] == {
        "name": "t-r2",
        "namespace": "ns",
        "labels": {"loadstar.dev/class": "c"},
        "annotations": {"loadstar.dev/retry-of": "t"},
    }
    assert made["spec"] == {**task("t")["spec"], "priority": 700}
    assert "status" not in made


def test_names_that_are_taken_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next number that is free; a name that was asked for is that or none."""
    client = with_objects({f"{TASKS}/{name}": ended(name) for name in ("t", "t-r2", "t-r3")})
    assert "ns/t-r4 created" in run(monkeypatch, client, "t").output
    assert "ns/t-r5 created" in run(monkeypatch, client, "t-r3").output
    assert "ns/mine created" in run(monkeypatch, client, "t", "--name", "mine").output
    taken = run(monkeypatch, client, "t", "--name", "mine")
    assert taken.exit_code == 1
    assert "there is a Task ns/mine already: say another --name" in taken.output


@pytest.mark.parametrize("state", ["PENDING", "ASSIGNED", "RUNNING"])
def test_what_has_not_ended_is_refused(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """It is still being tried: the message says so, and what ends it."""
    client = with_objects({f"{TASKS}/t": ended(state=state)})
    said = run(monkeypatch, client, "t")
    assert said.exit_code == 1
    assert f"ns/t is {state}: only a Task that is SUCCESS or FAILED can be made once more" in said.output
    assert list(client.objects).count(f"{TASKS}/t-r2") == 0


def test_it_is_the_users_own_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal of the API server is told as it is; a Task that is not there too."""
    client = with_objects({f"{TASKS}/t": ended()})
    client.may = False
    assert "Error: you may not create tasks" in run(monkeypatch, client, "t").output
    assert run(monkeypatch, client, "nobody").exit_code == 1


def test_names_stay_dns_labels() -> None:
    """At most 63 characters, whatever the number; a label is not copied where there is none."""
    long = "a" * 60 + "-bc"
    assert list(islice(following(long), 2)) == ["a" * 60 + "-r2", "a" * 60 + "-r3"]
    assert next(following("x-r9")) == "x-r10"
    assert next(following("x-r0")) == "x-r0-r2"
    assert all(len(name) <= 63 for name in islice(following("y" * 63), 1000))
    assert "labels" not in copy(task("t", "FAILED"), "u")["metadata"]
