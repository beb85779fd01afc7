"""`loadstar top`: all nodes, best first, as they stand now, and Tasks by state.

It is worked out from a view read with the user's own rights. Who may not list nodes gets what the operator last
reported: the best and the worst.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import click
import orjson

from loadstar.api.standing import standing_document, totals_document
from loadstar.api.times import format_time
from loadstar.cli.columns import columns
from loadstar.cli.live import TASKS_PATH, Json, items, policy_object, view
from loadstar.cli.session import connected, waiting
from loadstar.core.snapshot import Snapshot
from loadstar.core.standing import standings, totals
from loadstar.kube.client import Client
from loadstar.kube.cluster import tasks_path
from loadstar.runtime.ports import Forbidden

HEADS: Final = ("NODE", "CLASS", "SCORE", "CPU", "MEMORY", "IO", "TASKS", "SAMPLE", "WHY")
LEGEND: Final = "CPU, MEMORY, IO: measured +reserved = predicted, a margin included, as shares of allocatable"


@click.command()
@click.option("-n", "--namespace", default=None, help="Count only the Tasks of this namespace.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="The form of the answer.")
@waiting
async def top(namespace: str | None, output: str) -> None:
    """Show nodes, best first, and how many Tasks are in each state."""
    async with connected() as client:
        policy = await policy_object(client)
        document = await _nodes(client, policy)
        document["tasks"] = states(await items(client, tasks_path(namespace) if namespace else TASKS_PATH))
    if output == "json":
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    for line in lines(document):
        click.echo(line)


async def _nodes(client: Client, policy: Json) -> Json:
    status = policy.get("status") or {}
    try:
        store = await view(client, policy)
    except Forbidden as error:
        if not status:
            raise click.ClickException(
                "you may not list nodes and Pods, and there is no PlacementPolicy with a status: does the operator run?"
            ) from error
        return reported(status)
    return live(store.snapshot(time.time()), status)


def live(snapshot: Snapshot, status: Mapping[str, Any]) -> Json:
    """All nodes as they are now."""
    ordered = standings(snapshot)
    return {
        "source": "live",
        "time": format_time(snapshot.now),
        "totals": totals_document(totals(ordered)),
        "nodes": [standing_document(item) for item in ordered],
        "conditions": list(status.get("conditions") or ()),
    }


def reported(status: Mapping[str, Any]) -> Json:
    """What the PlacementPolicy's status has of the nodes, best first."""
    return {
        "source": "status",
        "time": status.get("updatedTime"),
        "totals": status.get("totals") or {},
        "nodes": [*(status.get("best") or ()), *reversed(status.get("worst") or ())],
        "conditions": list(status.get("conditions") or ()),
    }


def states(tasks: Iterable[Mapping[str, Any]]) -> Json:
    """How many Tasks are in each state, and for which reasons they wait."""
    found = [task.get("status") or {} for task in tasks]
    counts = Counter(status.get("state", "PENDING") for status in found)
    waits = Counter(status.get("reason", "Queued") for status in found if status.get("state", "PENDING") == "PENDING")
    return {"states": dict(sorted(counts.items())), "waiting": dict(waits.most_common())}


def lines(document: Mapping[str, Any]) -> list[str]:
    """The same as text."""
    said = columns([HEADS, *(row(node) for node in document["nodes"])])
    shown, every = len(document["nodes"]), document["totals"].get("nodes", 0)
    said.append(LEGEND)
    said.append(summary(document["totals"]))
    if document["source"] == "status":
        of = f"{shown} of {every} nodes, " if shown < every else ""
        said.append(f"{of}as the operator reported them at {document['time']}: you may not list nodes and Pods")
    said += [f"{item['type']}={item['status']}: {item.get('message', '')}" for item in document["conditions"]]
    tasks = document["tasks"]
    said += ["", "  ".join(f"{state} {count}" for state, count in tasks["states"].items()) or "no Tasks"]
    return [*said, *(f"  waiting: {reason} {count}" for reason, count in tasks["waiting"].items())]


def row(node: Mapping[str, Any]) -> tuple[str, ...]:
    """A node's cells."""
    age = f"{node['sampleAgeSeconds']} s" if "sampleAgeSeconds" in node else "none"
    loads = (load(node[name]) if name in node else "?" for name in ("cpu", "memory", "io"))
    return (
        node["name"],
        node["class"],
        f"{node['score']:.2f}",
        *loads,
        str(node.get("tasks", 0)),
        age,
        node.get("because", ""),
    )


def load(term: Mapping[str, float]) -> str:
    """One resource: "0.31 +0.05 = 0.37"."""
    return f"{term['measured']:.2f} {term['reserved']:+.2f} = {term['predicted']:.2f}"


def summary(found: Mapping[str, Any]) -> str:
    """All nodes in a line."""
    names = ("fresh", "unknown", "hot", "quarantined", "closed")
    counts = ", ".join(f"{found.get(name, 0)} {name}" for name in names)
    reserved = f"reserved {found.get('reservedCpu', '0')} CPU and {found.get('reservedMemory', '0')} memory"
    return f"{found.get('nodes', 0)} nodes: {counts}; deviation {found.get('deviation', 0.0):.3f}; {reserved}"
