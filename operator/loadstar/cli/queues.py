"""`loadstar queues`: what waits in each queue and why, what it holds, and what is its share.

Counted from Tasks as they are now, with the user's own rights, so it also shows queues that have no object.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import click
import orjson

from loadstar.api import convert
from loadstar.api.queues import read
from loadstar.api.resources import amounts_document
from loadstar.cli.columns import columns
from loadstar.cli.live import QUEUES_PATH, TASKS_PATH, Json, items, policy_object
from loadstar.cli.session import connected, default_namespace, waiting
from loadstar.core.model import Task
from loadstar.core.occupancy import WITHIN_LIMITS, Occupancy
from loadstar.core.policy import Policy
from loadstar.core.quantity import CPU, MEMORY
from loadstar.core.queues import DEFAULT_QUEUE, TaskQueue
from loadstar.core.states import State
from loadstar.core.stops import waiting_since
from loadstar.core.template import assigned, resolve
from loadstar.kube.client import Client
from loadstar.kube.cluster import tasks_path
from loadstar.kube.taskqueues import queues_path
from loadstar.runtime.ports import NotFound

HEADS: Final = (
    *("NAMESPACE", "QUEUE", "ORDERING", "WEIGHT", "SHARE", "HAS", "PENDING", "RUNNING", "CPU", "MEMORY"),
    *("LIMITS", "OLDEST", "WHY"),
)
LEGEND: Final = (
    "SHARE: by weight, of what those queues of the namespace get that have Tasks; HAS: of the CPU or memory that they "
    "hold, whichever is more"
)
NONE: Final = "no Tasks wait or have a node, and there is no TaskQueue"


@click.command()
@click.option("-n", "--namespace", default=None, help="Where; the current context's unless said otherwise.")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="In all namespaces.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="The form of the answer.")
@waiting
async def queues(namespace: str | None, everywhere: bool, output: str) -> None:
    """Show the queues: what waits in each and why, what it holds, its share, and how long the oldest waits."""
    where = "" if everywhere else namespace or default_namespace()
    async with connected() as client:
        policy = convert.policy(await policy_object(client))
        objects = await _objects(client, where)
        tasks = [
            convert.task(raw)
            for state in (State.PENDING, State.ASSIGNED, State.RUNNING)
            for raw in await items(
                client, tasks_path(where) if where else TASKS_PATH, fieldSelector=f"status.state={state}"
            )
        ]
    found = document(objects, tasks, policy, time.time())
    if output == "json":
        click.echo(orjson.dumps({"queues": found}, option=orjson.OPT_INDENT_2))
        return
    for line in lines(found):
        click.echo(line)


async def _objects(client: Client, where: str) -> list[TaskQueue]:
    try:
        return [read(raw) for raw in await items(client, queues_path(where) if where else QUEUES_PATH)]
    except NotFound:
        return []


def document(objects: Iterable[TaskQueue], tasks: Iterable[Task], policy: Policy, now: float) -> list[Json]:
    """One object a queue: those that have an object, and those that have Tasks."""
    specs = {(queue.namespace, queue.name): queue for queue in objects}
    found = {name: Occupancy() for name in specs}
    for task in tasks:
        occupancy = found.setdefault((task.namespace, task.queue), Occupancy())
        if task.status.state is State.PENDING:
            occupancy.wait(str(task.status.reason), None if task.suspend else waiting_since(task))
        else:
            template = resolve(task, policy)
            occupancy.hold(assigned(template, task.status).requests if template is not None else {})
    queues = [(specs.get(name) or TaskQueue(*name), found[name], name in specs) for name in sorted(found)]
    return [
        told(queue, occupancy, [(other, item) for other, item, _ in queues if other.namespace == queue.namespace], now)
        | {"exists": exists}
        for queue, occupancy, exists in queues
    ]


def told(queue: TaskQueue, found: Occupancy, there: Iterable[tuple[TaskQueue, Occupancy]], now: float) -> Json:
    """One queue beside all of its namespace."""
    beside = list(there)
    busy = sum(other.weight for other, item in beside if item.running or item.reasons)
    held = {name: sum(item.used.get(name, 0) for _, item in beside) for name in (CPU, MEMORY)}
    parts = [found.used.get(name, 0) / every for name, every in held.items() if every]
    status = found.status(queue, 0, (), now)
    return {
        "namespace": queue.namespace,
        "name": queue.name,
        "ordering": queue.ordering.value,
        "weight": queue.weight,
        "suspended": queue.suspend,
        "share": round(queue.weight / busy, 4) if found.running or found.reasons else None,
        "has": round(max(parts), 4) if parts else None,
        "pending": status.pending,
        "reasons": dict(status.reasons),
        "running": status.running,
        "used": amounts_document({name: status.used.get(name, 0) for name in (CPU, MEMORY)}),
        "oldestWaitSeconds": None if status.oldest is None else max(0, round(now - status.oldest)),
        "limits": next((item.message for item in status.conditions if item.type == WITHIN_LIMITS), None),
    }


def lines(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """The same as text."""
    rows = [row(item) for item in found]
    return [*columns([HEADS, *rows]), LEGEND] if rows else [NONE]


def row(item: Mapping[str, Any]) -> tuple[str, ...]:
    """A queue's cells."""
    why = ["suspended"] if item["suspended"] else []
    why += [f"{reason} {count}" for reason, count in item["reasons"].items()]
    oldest, missing = item["oldestWaitSeconds"], not item["exists"] and item["name"] != DEFAULT_QUEUE
    return (
        item["namespace"],
        f"{item['name']} (missing)" if missing else item["name"],
        item["ordering"],
        str(item["weight"]),
        *("-" if item[name] is None else f"{item[name]:.0%}" for name in ("share", "has")),
        str(item["pending"]),
        str(item["running"]),
        *(item["used"][name] for name in (CPU, MEMORY)),
        item["limits"] or "-",
        "-" if oldest is None else f"{oldest} s",
        ", ".join(why),
    )
