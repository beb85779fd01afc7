"""Short ways to say a Task, a Pod or a node in a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from loadstar.core.ledger import Ledger
from loadstar.core.model import Load, Node, Phase, Placement, Pod, Sample, Strategy, Taint, Task, TaskStatus, Worker
from loadstar.core.nodes import NodeView
from loadstar.core.policy import Policy
from loadstar.core.request import Request
from loadstar.core.snapshot import Snapshot
from loadstar.core.template import Template

NOW = 1_000_000.0
GI = 2**30


def worker(cpu: int = 100, memory: int = 64 * 2**20) -> Worker:
    return Worker(document=b'{"image":"busybox:1.35"}', requests={"cpu": cpu, "memory": memory})


def task(status: TaskStatus | None = None, **fields: Any) -> Task:
    base = Task(
        namespace="ns",
        name="t",
        uid="0123456789",
        resource_version="1",
        generation=1,
        created=NOW - 10,
        worker=worker(),
        status=status or TaskStatus(),
    )
    return replace(base, **fields)


def pod(phase: Phase = Phase.PENDING, **fields: Any) -> Pod:
    base = Pod(
        namespace="ns",
        name="t-01234-0-1",
        uid="pod-1",
        resource_version="5",
        task_uid="0123456789",
        attempt=1,
        phase=phase,
        created=NOW - 5,
        node="a",
    )
    return replace(base, **fields)


def load(cpu: float, memory: float, io: float | None = None, *, timestamp: float = NOW - 5) -> Load:
    """Cores, bytes and the share of I/O time, measured together over 15 s."""

    def sample(value: float, window: float = 15) -> Sample:
        return Sample(value, timestamp, window, "test")

    return Load(sample(cpu), sample(memory, 0), None if io is None else sample(io))


def view(name: str, cpu: float | None = 0.1, memory: float = 0.1, **fields: Any) -> NodeView:
    """A node of 4 cores and 8 GiB, used to these shares; `cpu` None: no sample."""
    node = Node(name, "1", ready=True, unschedulable=False, labels={}, taints=(), allocatable=ALLOCATABLE)
    measured = None if cpu is None else load(cpu * 4, memory * 8 * GI)
    requested: dict[str, int] = fields.pop("requested", {})
    reservations = dict(enumerate(fields.pop("reservations", [])))
    return NodeView(
        replace(node, **fields), measured, dict(requested), {str(key): value for key, value in reservations.items()}
    )


ALLOCATABLE = {"cpu": 4000, "memory": 8 * GI, "pods": 110}


def snapshot(*views: NodeView, policy: Policy | None = None) -> Snapshot:
    return ledger(*views).snapshot(policy or Policy(), NOW)


def ledger(*views: NodeView) -> Ledger:
    """One that holds these very nodes."""
    book = Ledger()
    for item in views:
        book.nodes[item.node.name] = item
        book.put_node(item.node)
        if item.load is not None:
            book.loads[item.node.name] = item.load
    return book


def request(uid: str = "u", avoid: frozenset[str] = frozenset(), **fields: Any) -> Request:
    own = fields.pop("worker", worker())
    requires, prefers = fields.pop("requires", ()), fields.pop("prefers", ())
    strategy = fields.pop("strategy", Strategy.LOAD_AWARE)
    return Request(uid, Template(own, Placement(**fields), requires, prefers, strategy), avoid)


def taint(key: str = "k", effect: str = "NoSchedule") -> Taint:
    return Taint(key, "", effect)
