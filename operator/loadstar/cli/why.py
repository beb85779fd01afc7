"""`loadstar why TASK`: why it is where it is, why it waits, how it ended; and where it would go now.

What was decided is in the Task's status. What would be decided now is asked of the same function that decides, over
a view read with the user's own rights; who may not list nodes is told so and gets the record.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from loadstar.api import API_VERSION, POLICY_NAME, POLICY_PLURAL, convert
from loadstar.cli.session import connected, default_namespace, waiting
from loadstar.core.conditions import SCHEDULED
from loadstar.core.coverage import spoken
from loadstar.core.metering import Source
from loadstar.core.model import Load, Policy, Task
from loadstar.core.placement import Placed, place
from loadstar.core.reasons import EXPLANATIONS, Reason
from loadstar.core.states import State
from loadstar.core.template import missing_worker_message, resolve
from loadstar.kube import translate
from loadstar.kube.client import Client
from loadstar.kube.cluster import tasks_path
from loadstar.runtime.cycle import request_of
from loadstar.runtime.ports import ClusterError, Forbidden, NotFound
from loadstar.runtime.reader import AHEAD_SECONDS, believed
from loadstar.runtime.store import Store
from loadstar.sources.fetcher import Fetcher
from loadstar.sources.metrics_server import MetricsServer


@click.command()
@click.argument("task")
@click.option("-n", "--namespace", default=None, help="Where; the current context's unless said otherwise.")
@waiting
async def why(task: str, namespace: str | None) -> None:
    """Say why TASK is where it is, and, while it waits, what stands in its way now."""
    async with connected() as client:
        raw = await client.get(tasks_path(namespace or default_namespace(), task))
        found = convert.task(raw)
        for line in record(found):
            click.echo(line)
        if found.status.state is State.PENDING:
            click.echo(f"now      {await now(client, found)}")


def record(task: Task) -> list[str]:
    """What the status says, a line a fact."""
    status = task.status
    lines = [f"{task.namespace}/{task.name} is {status.state}, reason {status.reason}: {explain(status.reason)}"]
    if status.message:
        lines.append(f"message  {status.message}")
    told = next((c.message for c in status.conditions if c.type == SCHEDULED and c.status == "True"), "")
    if told and told != status.message:
        lines.append(f"node     {told}")
    if status.choice is not None:
        choice = status.choice
        lines.append(f"node     {choice.node} had the lowest score ({choice.node_class})")
        age = "no fresh sample" if choice.sample_age is None else f"sample {choice.sample_age:.0f} s old"
        lines.append(f"score    {choice.score:.2f} = {choice.terms}; {age}")
        if choice.next:
            lines.append(f"next     {choice.next}")
    for attempt in status.attempts:
        ended = f"attempt {attempt.attempt} on {attempt.node or 'no node'}: {attempt.reason}"
        lines.append(f"earlier  {ended}{f', {attempt.message}' if attempt.message else ''}")
    return lines


def explain(reason: str) -> str:
    """The sentence of a reason."""
    try:
        return EXPLANATIONS[Reason(reason)]
    except ValueError:
        return "a reason of a later version"


async def now(client: Client, task: Task) -> str:
    """Where the Task would go if it were placed now, in a sentence."""
    left = (task.status.not_before or 0.0) - time.time()
    if left > 0:
        return f"the next attempt is due in {left:.0f} s"
    try:
        store = await _view(client)
    except Forbidden:
        return "you may not list nodes and Pods of the whole cluster: the record above is what there is"
    for name in (*task.placement.near, *task.placement.apart):
        try:
            store.apply_task(convert.task(await client.get(tasks_path(task.namespace, name))))
        except NotFound:
            continue
    if resolve(task, store.policy) is None:
        return missing_worker_message(task, store.policy)
    snapshot = store.snapshot(time.time())
    request = request_of(task, snapshot, store.node_of)
    decision = None if request is None else place(request, snapshot)
    if isinstance(decision, Placed):
        return f"it would be placed: {decision.message}"
    return decision.message if decision else ""


async def _view(client: Client) -> Store:
    """The cluster as the operator sees it, read once."""
    store = Store()
    try:
        store.policy = convert.policy(await client.get(f"/apis/{API_VERSION}/{POLICY_PLURAL}/{POLICY_NAME}"))
    except NotFound:
        store.policy = Policy()
    for raw in await _items(client, "/api/v1/nodes"):
        store.apply_node(translate.node(raw))
    for raw in await _items(client, "/api/v1/pods"):
        if translate.takes_room(raw):
            store.apply_other(raw["metadata"]["uid"], raw["spec"]["nodeName"], translate.requests(raw["spec"]))
    await _measure(client, store)
    return store


async def _measure(client: Client, store: Store) -> None:
    """Read what metrics.k8s.io is to measure; what only the operator can ask stays unknown, and that is said."""
    assigned = store.policy.metering.assigned()
    resources = assigned.pop(Source.METRICS_SERVER, ())
    if assigned:
        told = ", ".join(f"{spoken(found)} from {source}" for source, found in assigned.items())
        click.echo(f"note     {told}: known to the operator alone", err=True)
    if not resources:
        return
    latest = time.time() + AHEAD_SECONDS

    def take(loads: Mapping[str, Load]) -> None:
        store.apply_loads({name: believed(load, resources, latest) for name, load in loads.items()})

    credentials = client.credentials
    source = MetricsServer(credentials.server, Fetcher(credentials.ssl_context, credentials.authorization, 1))
    try:
        await source.read(store.nodes, take)
    except ClusterError:
        click.echo("note     no load samples: metrics.k8s.io does not answer you", err=True)
    finally:
        await source.close()


async def _items(client: Client, path: str) -> list[dict[str, Any]]:
    answer = await client.get(path)
    return list(answer.get("items") or ())
