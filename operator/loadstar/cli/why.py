"""`loadstar why TASK`: why it is where it is, why it waits, how it ended; where it would go now; why (not) to a node.

What was decided is in the Task's status. What would be decided now is asked of the same function that decides, over
a view read with the user's own rights; who may not list nodes is told so and gets the record.
"""

from __future__ import annotations

import time
from typing import Any, Final

import click
import orjson

from loadstar.api import convert
from loadstar.api.account import account_document
from loadstar.api.times import format_time
from loadstar.cli.live import Json, items, policy_object, view
from loadstar.cli.place import line_up, placed
from loadstar.cli.room import room
from loadstar.cli.session import connected, default_namespace, waiting
from loadstar.core.account import account, lines, verdict
from loadstar.core.conditions import SCHEDULED, depended
from loadstar.core.dependencies import verdict as dependence
from loadstar.core.model import Task, TaskStatus
from loadstar.core.outlook import Ending, earliest
from loadstar.core.placement import Decision, Placed, place
from loadstar.core.preemption import MOST_TIMES
from loadstar.core.quantity import MEMORY, show, spoken
from loadstar.core.reasons import EXPLANATIONS, Reason
from loadstar.core.request import Request
from loadstar.core.snapshot import Snapshot
from loadstar.core.states import State
from loadstar.core.template import missing_worker_message
from loadstar.kube.client import Client
from loadstar.kube.cluster import tasks_path
from loadstar.runtime.cycle import request_of
from loadstar.runtime.ports import Forbidden, NotFound
from loadstar.runtime.store import Store

NOT_ALLOWED: Final = "you may not list nodes and Pods of the whole cluster: the record above is what there is"
SINGLY: Final = 20
"""So many Tasks at most are read one by one."""
NAMED: Final = 10
"""So many nodes are named to whoever asks for one that is not there."""


@click.command()
@click.argument("task")
@click.option("-n", "--namespace", default=None, help="Where; the current context's unless said otherwise.")
@click.option("--node", default=None, help="Say also why TASK would, or would not, go to this node now.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="The form of the answer.")
@waiting
async def why(task: str, namespace: str | None, node: str | None, output: str) -> None:
    """Say why TASK is where it is, and, while it waits, what stands in its way now."""
    async with connected() as client:
        raw = await client.get(tasks_path(namespace or default_namespace(), task))
        found = convert.task(raw)
        document: Json = {"task": "/".join(found.key), "status": convert.status_document(found.status)}
        said = record(found)
        if found.status.state is State.PENDING or node is not None:
            more, text = await now(client, found, node)
            document |= more
            said += text
    if output == "json":
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    for line in said:
        click.echo(line)


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
        if choice.rejected:
            lines.append(f"out      {choice.rejected}")
    if status.preemptions:
        lines.append(f"stopped  {status.preemptions} of at most {MOST_TIMES} times for Tasks of higher priority")
    lines += asked(status)
    for attempt in status.attempts:
        ended = f"attempt {attempt.attempt} on {attempt.node or 'no node'}: {attempt.reason}"
        lines.append(f"earlier  {ended}{f', {attempt.message}' if attempt.message else ''}")
    return lines


def asked(status: TaskStatus) -> list[str]:
    """What it asked for and used, and when it is expected to end."""
    held, lines = status.resources, []
    if held is not None:
        if held.learned:
            of = f", p{held.percentile} of its class's peaks and 15 %" if held.percentile else ""
            lines.append(
                f"asked    {spoken(held.requested)} instead of {spoken(held.declared)}, by what its class uses{of}"
            )
        if held.memory_factor > 1:
            times = f"{held.memory_factor:g} times what is declared, after kills for memory"
            asks = f": {show(MEMORY, held.declared[MEMORY])}" if MEMORY in held.declared else ""
            lines.append(f"memory   {times}{asks}")
        if held.used:
            lines.append(f"used     {spoken(held.used)}")
        if held.killed is not None:
            lines.append(
                f"killed   for memory while it asked for {show(MEMORY, held.killed)}: free, and now as declared"
            )
    if status.expected_end is not None and status.state is State.RUNNING:
        lines.append(f"ends     about {format_time(status.expected_end)}, if it takes as long as its class does")
    return lines


def explain(reason: str) -> str:
    """The sentence of a reason."""
    try:
        return EXPLANATIONS[Reason(reason)]
    except ValueError:
        return "a reason of a later version"


async def now(client: Client, task: Task, node: str | None) -> tuple[Json, list[str]]:
    """Where the Task would go if it were placed now, and how it sees `node`: as an object, and as lines."""
    left = (task.status.not_before or 0.0) - time.time()
    if left > 0 and node is None:
        text = f"the next attempt is due in {left:.0f} s"
        return {"now": {"message": text}}, [f"now      {text}"]
    try:
        store = await view(client, await policy_object(client))
    except Forbidden:
        return {"now": {"message": NOT_ALLOWED}}, [f"now      {NOT_ALLOWED}"]
    await _neighbours(client, store, task)
    if task.status.state is State.PENDING:
        await line_up(client, store, task)
    return answer(store, task, node, time.time())


async def _neighbours(client: Client, store: Store, task: Task) -> None:
    """The Tasks that it is to be near to or apart from, and those that it waits for."""
    waits = () if depended(task.status) else tuple(task.dependencies)
    if len(waits) > SINGLY:
        for raw in await items(client, tasks_path(task.namespace)):
            store.apply_task(convert.task(raw))
        waits = ()
    store.apply_task(task)
    for name in dict.fromkeys((*task.placement.near, *task.placement.apart, *waits)):
        try:
            store.apply_task(convert.task(await client.get(tasks_path(task.namespace, name))))
        except NotFound:
            continue


def answer(store: Store, task: Task, node: str | None, moment: float) -> tuple[Json, list[str]]:
    """The same from a view of the cluster. Raises ClickException for a node that is not there."""
    snapshot = store.snapshot(moment)
    if node is not None and node not in snapshot.nodes:
        known = ", ".join(sorted(snapshot.nodes)[:NAMED]) or "none"
        raise click.ClickException(f"there is no node {node}; nodes: {known}{' …' * (len(snapshot.nodes) > NAMED)}")
    needs = store.dependents.graph.needs(task.key)
    unmet = dependence(needs, task.created, moment) if needs is not None and not needs.met else None
    if unmet is not None and node is None:
        return {"now": {"reason": str(unmet.reason), "message": unmet.message}}, [f"now      {unmet.message}"]
    request = request_of(task, snapshot, store.node_of, store.profiles, store.queues.of(task))
    if request is None:
        text = missing_worker_message(task, store.policy)
        return {"now": {"message": text}}, [f"now      {text}"]
    waitlist = store.waitlist
    claim = waitlist.backlog.kept.get(task.key)
    if claim is not None:
        store.unclaim(claim.identity)
        snapshot = store.snapshot(moment)
    barred = waitlist.backlog.barred(task.key, request.template.requests) if task.key in waitlist else None
    decision = barred or place(request, snapshot)
    document: Json = {}
    said: list[str] = []
    if task.status.state is State.PENDING:
        document["queue"], said = placed(store, task)
        document["now"] = decided(decision)
        would = "it would be placed: " if isinstance(decision, Placed) else ""
        would = f"{unmet.message}; after that {would}" if unmet is not None else would
        said.append(f"now      {would}{decision.message}")
        if not isinstance(decision, Placed) and decision.reason is Reason.WAITING_FOR_CAPACITY:
            document["now"]["expectedStart"], text = begins(store, request, snapshot)
            said.append(f"begins   {text}")
            if made := room(store, task, request, snapshot):
                document["now"]["room"] = made
                said.append(f"room     {made}")
    if node is not None:
        beside = task.status.assigned_to or (decision.node if isinstance(decision, Placed) else None)
        document["node"], more = compared(task, request, snapshot, node, beside)
        said += more
    return document, said


def begins(store: Store, request: Request, snapshot: Snapshot) -> tuple[str | None, str]:
    """When there may be room for the Task, as a time, and in words that say what that goes by."""
    ends = (
        Ending(end, pod.node, pod.requests)
        for pod in store.our_pods()
        if not pod.ended and pod.node and (end := store.expected_end(pod)) is not None
    )
    start = earliest(request, snapshot, ends)
    if start is None:
        return None, "not known: no node gets room by Tasks whose end can be expected"
    pods = "a Task there ends" if start.ends == 1 else f"{start.ends} Tasks there end"
    text = (
        f"in about {start.at - snapshot.now:.0f} s on {start.node}, when {pods}, if that takes as long as their "
        "classes do in the mean; Tasks of higher priority, and older ones, come first"
    )
    return format_time(start.at), text


def decided(decision: Decision) -> Json:
    """What would be decided, as an object."""
    if not isinstance(decision, Placed):
        return {"node": None, "reason": str(decision.reason), "message": decision.message}
    return {
        "node": decision.node,
        "message": decision.message,
        "next": [score.node for score in decision.next],
        "rejected": decision.rejected,
    }


def compared(
    task: Task, request: Request, snapshot: Snapshot, asked: str, beside: str | None
) -> tuple[dict[str, Any], list[str]]:
    """A node as the Task sees it, beside the one that it has, or would get."""
    live = task.status.state in {State.ASSIGNED, State.RUNNING}
    found = [
        account(snapshot.nodes[name], request, snapshot, here=live and name == task.status.assigned_to)
        for name in dict.fromkeys((asked, beside or asked))
        if name in snapshot.nodes
    ]
    first, other = found[0], found[1] if len(found) > 1 else None
    has = "has" if live else "had" if task.status.assigned_to else "would get now"
    text = verdict(first, other)
    said = [f"verdict  {text}", f"{first.node}, as it is now", *(f"  {line}" for line in lines(first))]
    document = {"verdict": text, "asked": account_document(first)}
    if other is not None:
        said += [f"{other.node}, which it {has}, as it is now", *(f"  {line}" for line in lines(other))]
        document["beside"] = account_document(other)
    return document, said
