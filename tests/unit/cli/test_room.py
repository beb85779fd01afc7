"""What `loadstar why` says of preemption, of both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from loadstar.cli.room import room
from loadstar.cli.why import record
from loadstar.core.model import Phase, Task, TaskStatus
from loadstar.core.policy import PreemptionScope
from loadstar.core.queues import Preemption, TaskQueue
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from loadstar.runtime.cycle import request_of
from loadstar.runtime.store import Store
from tests.unit.core.builders import NOW, pod, task, view, worker

HIGH = task(name="high", uid="high", queue="urgent", priority=900, worker=worker(cpu=3000))


def store(**low: Any) -> Store:
    """A node on which a Task runs that leaves it too little room."""
    found = Store()
    found.apply_node(view("a").node)
    found.queues.put(TaskQueue("ns", "urgent", preemption=Preemption.LOWER_PRIORITY))
    status = TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a", started=NOW - 90)
    fields = {"name": "low", "worker": worker(cpu=2000), "preemptible": True, "priority": 100, **low}
    own = task(fields.pop("status", status), **fields)
    found.apply_task(own)
    name = f"{own.name}-01234-0-1"
    found.apply_pod(pod(Phase.RUNNING, name=name, namespace=own.namespace, requests={"cpu": 2000}))
    return found


def said(found: Store, high: Task = HIGH) -> str:
    snapshot = found.snapshot(NOW)
    request = request_of(high, snapshot, found.node_of, found.profiles, found.queues.of(high))
    assert request is not None
    return room(found, high, request, snapshot)


def test_who_could_be_stopped() -> None:
    """Where, whom, of which priority, and what work would be lost."""
    assert said(store()) == "could be made on a, by stopping ns/low of priority 100, 90 s of work"


def test_why_nobody_can_be() -> None:
    """Nobody is preemptible and of lower priority, as far as the policy lets look."""
    assert said(store(preemptible=False)).endswith("Tasks of namespace ns that are preemptible and of lower priority")
    assert said(store(priority=900)).startswith("cannot be made")
    assert said(store(namespace="other")).startswith("cannot be made")
    wide = store(namespace="other")
    wide.policy = replace(wide.policy, preemption=PreemptionScope.CLUSTER)
    assert said(wide).startswith("could be made on a, by stopping other/low")
    wide = store(preemptible=False)
    wide.policy = replace(wide.policy, preemption=PreemptionScope.CLUSTER)
    assert "Tasks of the cluster" in said(wide)


def test_a_queue_that_does_not_allow_it_is_not_spoken_of() -> None:
    """Most queues do not."""
    assert said(store(), replace(HIGH, queue="default")) == ""


def test_who_is_being_stopped() -> None:
    """From the statuses of those that are, so that anybody who may read Tasks sees it; they say the same themselves."""
    ending = TaskStatus(
        state=State.RUNNING,
        reason=Reason.PREEMPTED,
        attempt=1,
        assigned_to="a",
        stopping=Reason.PREEMPTED,
        preemptions=1,
        message="stopped to make room for ns/high of priority 900: attempt 1 is being ended",
    )
    found = store(status=ending)
    assert said(found) == "being made: ns/low on a stopped for it"
    told = record(found.tasks["ns", "low"])
    assert "message  stopped to make room for ns/high of priority 900: attempt 1 is being ended" in told
    assert "stopped  1 of at most 3 times for Tasks of higher priority" in told
