"""The place of a Task in its queue, by the rules and the code that the operator goes by.

Who waits, what queues say and whose namespaces are is read with the user's own rights; what may not be read is said.
"""

from __future__ import annotations

import time
from typing import Final

import click

from loadstar.api import convert
from loadstar.api.queues import read
from loadstar.cli.live import Json, items
from loadstar.core.model import Task
from loadstar.core.queues import Ordering
from loadstar.core.states import State
from loadstar.kube.client import Client
from loadstar.kube.cluster import tasks_path
from loadstar.kube.taskqueues import queues_path
from loadstar.runtime.ports import Forbidden, NotFound
from loadstar.runtime.store import Store
from loadstar.runtime.waitlist import begun

NAMED: Final = 3
"""So many Tasks before it are named."""
NAMESPACES: Final = "/api/v1/namespaces"


async def line_up(client: Client, store: Store, task: Task) -> None:
    """Take in who waits in the Task's namespace, its queues, and whose namespaces are."""
    waitlist, namespace = store.waitlist, task.namespace
    try:
        for raw in await items(client, queues_path(namespace)):
            waitlist.put_queue(read(raw))
        for raw in await items(client, tasks_path(namespace), fieldSelector=f"status.state={State.PENDING}"):
            join(store, convert.task(raw), time.time())
    except NotFound:
        click.echo("note     this cluster's API has no queues", err=True)
    except Forbidden:
        click.echo(f"note     you may not list Tasks and TaskQueues of {namespace}: its queue is not known", err=True)
    join(store, task, time.time())
    if not store.policy.tenants:
        return
    waitlist.tenants = store.policy.tenants
    try:
        for raw in await items(client, NAMESPACES):
            waitlist.put_namespace(raw["metadata"]["name"], raw["metadata"].get("labels") or {})
    except Forbidden:
        click.echo("note     you may not list namespaces: what tenants may hold is not known", err=True)


def join(store: Store, task: Task, moment: float) -> None:
    """Let a Task wait for a node, if it does."""
    store.apply_task(task)
    held_back = task.suspend or task.cancel or task.deleting or begun(task) > moment
    if task.status.state is State.PENDING and not held_back:
        store.waitlist.join(task, store.policy)


def placed(store: Store, task: Task) -> tuple[Json, list[str]]:
    """Where a Task that waits stands in its queue, as an object, and as lines."""
    backlog = store.waitlist.backlog
    if task.key not in backlog:
        return {}, []
    lane = backlog.line(task.key).lane
    ahead = [name for _, name in backlog.ahead(task.key)]
    waits = sum(len(line) for line in lane.lines.values())
    ordering = lane.rules.ordering
    said = f"{lane.name} ({ordering}): place {len(ahead) + 1} of {waits}"
    if ahead:
        more = f" and {len(ahead) - NAMED} more" if len(ahead) > NAMED else ""
        said += f", after {', '.join(ahead[:NAMED])}{more}; one of them that finds no room is passed by"
    if ordering is Ordering.LOAD_AWARE:
        said += "; among Tasks that ask for different things the better node goes first"
    lines = [f"queue    {said}"]
    document: Json = {
        "name": lane.name,
        "ordering": ordering.value,
        "place": len(ahead) + 1,
        "waiting": waits,
        "ahead": ahead[:NAMED],
    }
    claim = backlog.kept.get(task.key)
    if claim is not None:
        lines.append(f"kept     {claim.node} is kept for it until it fits")
        document["kept"] = claim.node
    return document, lines
