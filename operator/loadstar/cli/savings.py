"""`loadstar savings`: what learned requests give back now, what they would, and what they have brought and cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import click
import orjson

from loadstar.api import convert
from loadstar.api.resources import amounts_document
from loadstar.cli.live import (
    PROFILES_PATH,
    QUEUES_PATH,
    TASKS_PATH,
    Json,
    items,
    learn_from,
    policy_object,
    put_queues,
)
from loadstar.cli.session import connected, waiting
from loadstar.core.quantity import CPU, MEMORY, Quantities, amounts, show
from loadstar.core.resources import Requests
from loadstar.core.savings import Savings
from loadstar.core.savings import savings as added_up
from loadstar.core.states import State
from loadstar.kube.cluster import tasks_path
from loadstar.kube.taskprofiles import profiles_path
from loadstar.kube.taskqueues import queues_path
from loadstar.runtime.report import live
from loadstar.runtime.store import Store


@click.command()
@click.option("-n", "--namespace", default=None, help="Of this namespace; of all unless said otherwise.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="The form of the answer.")
@waiting
async def savings(namespace: str | None, output: str) -> None:
    """Show what Tasks declare beyond what they ask for, and beyond what their classes are known to use."""
    store = Store()
    async with connected() as client:
        store.policy = convert.policy(await policy_object(client))
        await put_queues(client, store, queues_path(namespace) if namespace else QUEUES_PATH)
        profiles = await items(client, profiles_path(namespace) if namespace else PROFILES_PATH)
        learn_from(store, profiles)
        for state in (State.ASSIGNED, State.RUNNING):
            path = tasks_path(namespace) if namespace else TASKS_PATH
            for raw in await items(client, path, fieldSelector=f"status.state={state}"):
                store.apply_task(convert.task(raw))
    document = told(added_up(live(store, time.time())), profiles, store.policy.requests)
    if output == "json":
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    for line in lines(document):
        click.echo(line)


def told(found: Savings, profiles: Iterable[Mapping[str, Any]], requests: Requests) -> Json:
    """All of it as an object."""
    past = {"coreHours": 0.0, "gibHours": 0.0, "early": 0, "ooms": 0, "runs": 0}
    for raw in profiles:
        status = raw.get("status") or {}
        saved = status.get("saved") or {}
        for name in ("coreHours", "gibHours", "early"):
            past[name] += saved.get(name, 0)
        past["ooms"] += status.get("ooms", 0)
        past["runs"] += status.get("runs", 0)
    return {
        "policy": requests.value,
        "tasks": found.tasks,
        "declared": _document(found.declared),
        "givenBack": _document(found.spared),
        "possible": _document(found.possible),
        "classes": found.classes,
        "soFar": past,
    }


def lines(document: Mapping[str, Any]) -> list[str]:
    """The same as text."""
    past = document["soFar"]
    said = [
        f"now       {document['tasks']} Tasks with a node declare {_spoken(document['declared'])}",
        f"given     {_spoken(document['givenBack'])} of that are not asked for: others have the room",
    ]
    if document["classes"]:
        rest = f"possible  {_spoken(document['possible'])} more, of {document['classes']} classes"
        if document["policy"] == Requests.DECLARED:
            rest += ': kubectl patch ldp default --type=merge -p \'{"spec":{"requests":"Learned"}}\''
        said.append(rest)
    said += [
        f"so far    {past['coreHours']:.1f} core-hours and {past['gibHours']:.1f} GiB-hours in {past['runs']} runs",
        f"waiting   {past['early']} Tasks began on nodes that had no room for what they declare",
        f"cost      {past['ooms']} Tasks were killed for memory below what they declare, and ran again free of charge",
    ]
    return said


def _document(found: Quantities) -> Json:
    return amounts_document({name: found.get(name, 0) for name in (CPU, MEMORY)})


def _spoken(found: Mapping[str, str]) -> str:
    read = amounts(found)
    return f"{show(CPU, read[CPU])} CPU and {show(MEMORY, read[MEMORY])} memory"
