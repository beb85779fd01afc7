"""`loadstar top`: nodes by score and Tasks by state, as the operator last reported them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from loadstar.api import API_VERSION, POLICY_NAME, POLICY_PLURAL, TASK_PLURAL
from loadstar.cli.session import connected, waiting
from loadstar.kube.client import Client
from loadstar.kube.cluster import tasks_path
from loadstar.runtime.ports import NotFound


@click.command()
@click.option("-n", "--namespace", default=None, help="Count only the Tasks of this namespace.")
@waiting
async def top(namespace: str | None) -> None:
    """Show nodes, best first, and how many Tasks are in each state."""
    async with connected() as client:
        try:
            policy = await client.get(f"/apis/{API_VERSION}/{POLICY_PLURAL}/{POLICY_NAME}")
        except NotFound as error:
            raise click.ClickException("no PlacementPolicy yet: does the operator run?") from error
        for line in nodes(policy.get("status") or {}):
            click.echo(line)
        for line in states(await _tasks(client, namespace)):
            click.echo(line)


def nodes(status: dict[str, Any]) -> list[str]:
    """The table of nodes."""
    lines = [f"{'NODE':24} {'CLASS':8} {'SCORE':>6} {'CPU':>6} {'MEMORY':>6} {'IO':>6} {'TASKS':>5} {'SAMPLE':>7}"]
    for node in status.get("nodes") or ():
        io = f"{node['io']:6.2f}" if "io" in node else "     ?"
        age = f"{node['sampleAgeSeconds']} s" if "sampleAgeSeconds" in node else "none"
        lines.append(
            f"{node['name']:24} {node['class']:8} {node['score']:6.2f} {node['cpu']:6.2f} {node['memory']:6.2f} "
            f"{io} {node.get('tasks', 0):5} {age:>7}"
        )
    conditions = status.get("conditions") or ()
    lines += [f"{item['type']}={item['status']}: {item['message']}" for item in conditions]
    lines.append(f"as of {status.get('updatedTime', 'never')}; written when it is news")
    return lines


def states(tasks: list[dict[str, Any]]) -> list[str]:
    """The table of states, with the reasons of those that wait."""
    counts = Counter((t.get("status") or {}).get("state", "PENDING") for t in tasks)
    waiting_for = Counter(
        (t.get("status") or {}).get("reason", "Queued")
        for t in tasks
        if (t.get("status") or {}).get("state", "PENDING") == "PENDING"
    )
    line = "  ".join(f"{state} {count}" for state, count in sorted(counts.items())) or "no Tasks"
    return ["", line, *(f"  waiting: {reason} {count}" for reason, count in waiting_for.most_common())]


async def _tasks(client: Client, namespace: str | None) -> list[dict[str, Any]]:
    path = tasks_path(namespace) if namespace else f"/apis/{API_VERSION}/{TASK_PLURAL}"
    found: list[dict[str, Any]] = []
    params = {"limit": "500"}
    while True:
        page = await client.request("GET", path, params=params)
        found += page.get("items") or []
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return found
        params["continue"] = token
