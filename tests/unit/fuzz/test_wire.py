"""Whatever others write is read, or refused by an error that the readers expect; never anything else."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import hypothesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loadstar.api import convert, queues
from loadstar.api.standing import topology_document
from loadstar.core.nodes import NodeView
from loadstar.core.policy import Policy
from loadstar.core.quantity import amount, parse
from loadstar.core.queues import TaskQueue
from loadstar.core.scoring import score
from loadstar.core.standing import standings, topology
from loadstar.kube import translate
from loadstar.runtime.ports import Unavailable
from loadstar.sources.metrics_server import PATH, MetricsServer
from tests.fuzz.drawing import strategy
from tests.fuzz.payloads import QUANTITIES, TIMES, WINDOWS
from tests.unit.core.builders import NOW, load, snapshot, view
from tests.unit.sources.doubles import FakeWeb, Taken

Json = dict[str, Any]

FAST = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(HealthCheck),
)
SLOW = settings(FAST, max_examples=6)
"""Whole objects by the schema take long to draw; the fuzz on the bed draws them by the hundred."""
EXPECTED = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What the reflectors take for an object that cannot be read."""

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(TIMES))
ODD = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def shaped(*names: str, inner: st.SearchStrategy[Any] = ODD) -> st.SearchStrategy[Json]:
    """Objects that have some of these fields, with anything in them."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, inner))


META = st.fixed_dictionaries(
    {"namespace": st.just("ns"), "name": st.just("t"), "uid": st.just("0123456789")},
    optional={
        "labels": st.none() | st.dictionaries(st.sampled_from(["loadstar.dev/attempt", "a"]), ODD),
        "ownerReferences": st.lists(
            shaped("kind", "apiVersion", "uid", inner=st.sampled_from(["Task", "loadstar.dev/v1alpha1", 5]))
        ),
        "creationTimestamp": ODD,
        "deletionTimestamp": ODD,
        "generation": ODD,
        "resourceVersion": ODD,
    },
)
STATE = shaped(
    "state",
    inner=shaped(
        "terminated", "running", "waiting", inner=shaped("startedAt", "finishedAt", "exitCode", "reason", "message")
    ),
)
POD = st.fixed_dictionaries(
    {"metadata": META | ODD},
    optional={
        "spec": ODD | shaped("nodeName", "containers", "initContainers", "overhead"),
        "status": ODD
        | st.fixed_dictionaries(
            {},
            optional={
                "phase": ODD,
                "containerStatuses": st.lists(STATE | ODD, max_size=2),
                "conditions": st.lists(shaped("type", "status", "reason")) | ODD,
            },
        ),
    },
)
AMOUNTS = st.dictionaries(st.sampled_from(["cpu", "memory", "pods"]), st.sampled_from(QUANTITIES) | ODD, max_size=3)
NODE = st.fixed_dictionaries(
    {"metadata": META},
    optional={
        "spec": shaped("taints", "unschedulable"),
        "status": st.fixed_dictionaries({}, optional={"capacity": AMOUNTS, "allocatable": AMOUNTS, "conditions": ODD}),
    },
)


def read(reader: Any, raw: Any) -> Any:
    """What the reader makes of it; None when it refuses in a way that is expected."""
    try:
        return reader(raw)
    except EXPECTED:
        return None


@SLOW
@given(strategy("spec"), strategy("status"))
def test_every_task_that_the_schema_allows_is_read_and_written_again(spec: Json, status: Json) -> None:
    """A Task by the schema is read, and its status can be written: what is written is by the schema again."""
    meta = {"namespace": "ns", "name": "t", "uid": "0123456789", "generation": 1}
    task = convert.task({"metadata": meta, "spec": spec, "status": status})
    again = convert.status(convert.status_document(task.status))
    assert convert.status_document(again) == convert.status_document(task.status)


@SLOW
@given(strategy("policy"))
def test_every_policy_that_the_schema_allows_is_read(spec: Json) -> None:
    """A PlacementPolicy by the schema is read."""
    assert isinstance(convert.policy({"metadata": {"name": "default"}, "spec": spec}), Policy)


@SLOW
@given(strategy("queue"))
def test_every_queue_that_the_schema_allows_is_read(spec: Json) -> None:
    """A TaskQueue by the schema is read."""
    assert isinstance(queues.read({"metadata": {"namespace": "ns", "name": "q"}, "spec": spec}), TaskQueue)


@FAST
@given(
    st.sampled_from([convert.task, convert.policy, convert.status, queues.read]),
    st.one_of(ODD, shaped("metadata", "spec", "status"), POD),
)
def test_a_wrong_shape_is_refused_in_the_expected_way(reader: Any, raw: Any) -> None:
    """Anything at all as one of our own objects gives a value or one of the errors that the handlers take."""
    if isinstance(raw, dict):
        read(reader, raw)


@FAST
@given(POD)
def test_any_pod_is_read(raw: Json) -> None:
    """A Pod of any shape gives a value or an expected error, whatever its labels and owners say."""
    read(translate.pod, raw)
    read(translate.takes_room, raw)


@FAST
@given(NODE)
def test_any_node_is_read_and_scored(raw: Json) -> None:
    """A Node of any shape gives a value or an expected error; what can be read can be scored and reported."""
    node = read(translate.node, raw)
    if node is not None:
        assert all(isinstance(value, int) for value in node.allocatable.values())
        reported(NodeView(node, load(1.0, 1e9)))


@FAST
@given(
    st.sampled_from(["cpu", "memory"]),
    st.sampled_from(QUANTITIES) | st.text(alphabet="0123456789.eE+-kmMGTPEKinu", max_size=12),
)
@example("cpu", "1e999999")
@example("cpu", "9e999999k")
@example("memory", "-1e999999")
def test_any_quantity_is_a_bounded_number_or_refused(name: str, text: Any) -> None:
    """A quantity is a finite number, or refused as ValueError; an amount fits into 64 bits."""
    value = read(parse, text)
    if value is not None:
        assert value.is_finite()
        assert abs(amount(name, text)) < 2**63


SAMPLE = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.just({"name": "a"}) | ODD,
        "timestamp": st.sampled_from(TIMES) | st.just("2026-11-24T12:00:00Z"),
        "window": st.sampled_from(WINDOWS),
        "usage": st.fixed_dictionaries(
            {}, optional={"cpu": st.sampled_from(QUANTITIES), "memory": st.sampled_from(QUANTITIES)}
        ),
    },
)


@FAST
@given(st.lists(SAMPLE | ODD, max_size=4))
@example([{"metadata": {"name": "a"}, "timestamp": "2026-11-24T12:00:00Z", "usage": {"cpu": "1e400", "memory": "1"}}])
@example(
    [{"metadata": {"name": "a"}, "timestamp": "2026-11-24T12:00:00Z", "usage": {"cpu": "1e999999k", "memory": "1"}}]
)
def test_any_load_sample_is_left_out_or_can_be_scored_and_reported(items: list[Any]) -> None:
    """Of whatever metrics.k8s.io answers, what is taken for a sample is finite, and its node can be reported."""
    taken = Taken()
    web = FakeWeb({PATH: json.dumps({"items": items}, default=str).encode()})
    try:
        asyncio.run(MetricsServer("https://api", web).read({}, taken))
    except Unavailable:
        assert not taken.names()
    for name in taken.names():
        measured = taken.of(name)
        assert measured.cpu is not None
        assert measured.memory is not None
        assert math.isfinite(measured.cpu.value)
        assert math.isfinite(measured.memory.value)
        reported(NodeView(view("a").node, measured))


def reported(node: NodeView) -> None:
    """Its score is a number that can be rounded and written as JSON."""
    policy = Policy()
    found = score(node, None, policy=policy, weights=policy.weights, prefers=(), now=NOW)
    json.dumps([found.total, found.rank, found.cpu, found.memory], allow_nan=False)
    json.dumps(topology_document(topology(standings(snapshot(node)))), allow_nan=False)
