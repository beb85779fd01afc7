"""Records as lines: read back they give the same answer, and they tell nothing of what Tasks run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.api.decisions import RecordError, line, read
from loadstar.core.model import Placement, Strategy, Toleration, Worker
from loadstar.core.policy import Policy, TypeDefault
from loadstar.core.record import difference, replay
from tests.unit.core.builders import NOW, ledger, request, view
from tests.unit.core.test_record import POLICIES, decided, world
from tests.unit.core.test_shapes import NODES, REQUESTS


@settings(deadline=None)
@given(NODES, REQUESTS, st.sampled_from(list(Strategy)), POLICIES)
def test_a_line_replays_as_the_record_does(
    nodes: list[dict[str, Any]], kind: dict[str, Any], strategy: Strategy, policy: Policy
) -> None:
    """No digit is lost on the way, and what is written again is the same line."""
    kept = decided(world(nodes, 1), request(strategy=strategy, **kind), policy, NOW)
    written = line(kept)
    again = read(written)
    assert difference(again, replay(again)) == ""
    assert again.decision == kept.decision
    assert line(replace(again, request=kept.request)) == written


def test_sets_are_in_order() -> None:
    """Equal records give equal bytes: names of nodes to avoid have an order of their own in each process."""
    own = replace(request(), avoid=frozenset({"c", "a", "b"}))
    document = orjson.loads(line(decided(ledger(view("d")), own, Policy(), NOW)))
    assert document["request"]["avoid"] == ["a", "b", "c"]


def test_what_a_task_runs_is_not_told() -> None:
    """Commands and environments, the Task's and the types', stay out; the class and the requests are there."""
    secret = Worker(b'{"image":"x","env":[{"name":"PASSWORD","value":"hunter2"}]}', {"cpu": 100})
    policy = Policy(types={"x": TypeDefault(worker=secret)})
    own = request(worker=secret, tolerations=(Toleration("k", "Exists"),))
    written = line(decided(ledger(view("a")), own, policy, NOW))
    assert b"hunter2" not in written
    assert b"PASSWORD" not in written
    again = read(written)
    assert again.request.template.placement == Placement(tolerations=(Toleration("k", "Exists"),))
    assert again.request.template.worker.requests == {"cpu": 100}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "no JSON"),
        (b"[]", "no record of format 1"),
        (b'{"format": 2}', "no record of format 1"),
        (b'{"format": 1}', "task: Field required"),
    ],
)
def test_a_line_that_is_no_record_says_why(text: bytes, words: str) -> None:
    """Cut off, something else, of a later version, or without a part."""
    with pytest.raises(RecordError, match=words):
        read(text)
