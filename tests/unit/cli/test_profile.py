"""`loadstar profile` and `loadstar savings`: what is known, what it gives back, what it has cost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module

import pytest
from click.testing import CliRunner, Result

from loadstar.api import API_VERSION
from loadstar.api.profiles import document
from loadstar.cli import main
from tests.unit.cli.cluster import POLICY, FakeClient, Json, task
from tests.unit.core.builders import NOW
from tests.unit.core.test_profile import MI, after, run, usage

NAME = "class-waste"
PROFILES = f"/apis/{API_VERSION}/namespaces/ns/taskprofiles"


def known(runs: int = 6) -> Json:
    profile = after(*[run(image="busybox:1.35", usage=usage(memory=100 * MI), requested={"cpu": 250})] * runs)
    return document("ns", NAME, replace(profile, early=2, ooms=1), NOW, "7")


def of_class(name: str, state: str, **status: object) -> Json:
    one = task(name, state, attempt=1, assignedTo="a", **status)
    one["metadata"]["labels"] = {"loadstar.dev/class": "waste"}
    return one


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str, profiles: list[Json] | None = None) -> Result:
    """Two Tasks run, of which one asks for less than it declares."""
    listed = [known()] if profiles is None else profiles
    asks = {"declared": {"cpu": "1", "memory": "1Gi"}, "requested": {"cpu": "500m", "memory": "1Gi"}}

    @asynccontextmanager
    async def connected() -> AsyncIterator[FakeClient]:
        client = FakeClient()
        client.objects[PROFILES] = client.objects[f"/apis/{API_VERSION}/taskprofiles"] = {"items": listed}
        client.objects[f"{PROFILES}/{NAME}"] = known()
        running = [of_class("modest", "RUNNING", resources=asks), of_class("plain", "RUNNING")]
        client.objects[f"/apis/{API_VERSION}/tasks"] = {"items": running}
        yield client

    monkeypatch.setattr(import_module(f"loadstar.cli.{arguments[0]}"), "connected", connected)
    return CliRunner().invoke(main, list(arguments))


def test_classes_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What each declares and would ask for; that nothing is known yet is said with what to do."""
    said = called(monkeypatch, "profile", "-n", "ns").output
    assert "ns         class-waste  6     1 > 264m  1Gi > 117Mi  60" in said
    assert "no class is known yet" in called(monkeypatch, "profile", "-A", profiles=[]).output
    young = called(monkeypatch, "profile", "-n", "ns", profiles=[known(2)]).output
    assert "264m" not in young


def test_one_class_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, and as the object itself."""
    said = called(monkeypatch, "profile", NAME, "-n", "ns").output
    assert "asks for  cpu 264m, memory 117Mi" in said
    assert "asked for is max and 15 %" in said
    assert "time      60 s, deviation 0 s, 2.0 s to start" in said
    assert "2 began on nodes that are full on paper; 1 OOMs caused" in said
    assert json.loads(called(monkeypatch, "profile", NAME, "-n", "ns", "-o", "json").output)["status"]["runs"] == 6


def test_savings_say_what_is_given_back_and_what_could_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once; with requests Declared also how to have the rest."""
    said = called(monkeypatch, "savings").output
    assert "now       2 Tasks with a node declare 2 CPU" in said
    assert "given     500m CPU and 0 memory of that" in said
    assert "kubectl patch ldp default" in said
    assert "cost      1 Tasks were killed" in said
    found = json.loads(called(monkeypatch, "savings", "-o", "json").output)
    assert found["possible"]["cpu"] == "972m"
    assert found["soFar"]["early"] == 2
    assert POLICY
