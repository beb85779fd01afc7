"""The cluster as the operator sees it, read once with the user's own rights: what `why` and `top` go by.

What needs a history is not in it: how much a node's load moves about. What the user may not read is missing, and said.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import click

from loadstar.api import (
    API_VERSION,
    POLICY_NAME,
    POLICY_PLURAL,
    PROFILE_PLURAL,
    QUEUE_PLURAL,
    TASK_PLURAL,
    TASK_UID_LABEL,
    convert,
    queues,
)
from loadstar.core.claims import Claim
from loadstar.core.coverage import spoken
from loadstar.core.metering import Source
from loadstar.core.model import Load, NodeClass
from loadstar.core.quantity import CPU, MEMORY, amounts
from loadstar.core.states import State
from loadstar.kube import translate
from loadstar.kube.client import Client
from loadstar.kube.taskprofiles import kept
from loadstar.runtime.ports import ClusterError, Forbidden, NotFound
from loadstar.runtime.reader import AHEAD_SECONDS, believed
from loadstar.runtime.store import Store
from loadstar.sources.fetcher import Fetcher
from loadstar.sources.metrics_server import MetricsServer
from loadstar.sources.pod_uses import PodUses

Json = dict[str, Any]
PAGE: Final = 500
TASKS_PATH: Final = f"/apis/{API_VERSION}/{TASK_PLURAL}"
QUEUES_PATH: Final = f"/apis/{API_VERSION}/{QUEUE_PLURAL}"
PROFILES_PATH: Final = f"/apis/{API_VERSION}/{PROFILE_PLURAL}"


async def policy_object(client: Client) -> Json:
    """The PlacementPolicy; empty when there is none."""
    try:
        return await client.get(f"/apis/{API_VERSION}/{POLICY_PLURAL}/{POLICY_NAME}")
    except NotFound:
        return {}


async def view(client: Client, policy: Json) -> Store:
    """Nodes, Pods, the Tasks that hold a node, and load. Raises Forbidden for who may not list nodes and Pods."""
    store = Store()
    store.policy = convert.policy(policy)
    for raw in await items(client, "/api/v1/nodes"):
        store.apply_node(translate.node(raw))
    await _hold(client, store)
    await put_queues(client, store)
    await _profiles(client, store)
    ours = False
    for raw in await items(client, "/api/v1/pods"):
        if TASK_UID_LABEL in (raw["metadata"].get("labels") or {}):
            store.apply_pod(translate.pod(raw))
            ours = True
        elif translate.takes_room(raw):
            store.apply_other(raw["metadata"]["uid"], raw["spec"]["nodeName"], translate.requests(raw["spec"]))
    await _measure(client, store)
    if ours:
        await _learn(client, store)
    quarantined(store, policy.get("status") or {}, time.time())
    keep(store, policy.get("status") or {})
    return store


async def items(client: Client, path: str, **params: str) -> list[Json]:
    """All objects of a list, page by page."""
    found: list[Json] = []
    params["limit"] = str(PAGE)
    while True:
        page = await client.request("GET", path, params=params)
        found += page.get("items") or []
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return found
        params["continue"] = token


def quarantined(store: Store, status: Mapping[str, Any], now: float) -> None:
    """Take over which nodes the operator says are quarantined: it knows from all Tasks, those that ended too."""
    for item in (*(status.get("best") or ()), *(status.get("worst") or ())):
        if item.get("class") == NodeClass.QUARANTINED:
            store.quarantine(item["name"], now + 60)


def keep(store: Store, status: Mapping[str, Any]) -> None:
    """Take over which nodes the operator keeps for whom."""
    for item in status.get("kept") or ():
        namespace, _, name = item["task"].partition("/")
        requests = amounts({what: item[what] for what in (CPU, MEMORY) if what in item})
        claim = Claim((namespace, name), item["node"], requests, 0.0)
        store.waitlist.backlog.kept[claim.key] = claim
        store.claim(claim.identity, claim.node, claim.requests)


async def _hold(client: Client, store: Store) -> None:
    """Tasks that a node was promised to, or that run: what they are expected to use follows from their class."""
    try:
        for state in (State.ASSIGNED, State.RUNNING):
            for raw in await items(client, TASKS_PATH, fieldSelector=f"status.state={state}"):
                store.apply_task(convert.task(raw))
    except Forbidden:
        _note("you may not list Tasks of all namespaces: of those that wait for their Pod nothing is reserved")


async def put_queues(client: Client, store: Store, path: str = QUEUES_PATH) -> None:
    """What queues say of requests."""
    try:
        for raw in await items(client, path):
            store.waitlist.put_queue(queues.read(raw))
    except NotFound:
        return
    except Forbidden:
        _note("you may not list TaskQueues of all namespaces: Tasks count as asking for what they or the policy say")


async def _profiles(client: Client, store: Store) -> None:
    """What is known of classes, by which Tasks ask for less than they declare."""
    try:
        learn_from(store, await items(client, PROFILES_PATH))
    except NotFound:
        return
    except Forbidden:
        _note("you may not list TaskProfiles of all namespaces: Tasks count as asking for what they declare")


def learn_from(store: Store, profiles: list[Json]) -> None:
    """Take over TaskProfiles."""
    for raw in profiles:
        found = kept(raw)
        if found.profile is not None:
            name = raw["metadata"]["namespace"], raw["metadata"]["name"]
            store.profiles.seen(name, found.version, found.profile, found.written)


async def _learn(client: Client, store: Store) -> None:
    """What Pods of Tasks were measured to use tells what their classes use of what they request."""
    try:
        store.apply_uses(await PodUses(client).read(store.nodes))
    except ClusterError:
        _note("what Pods of Tasks use is not known to you: they are expected to use what they request")


async def _measure(client: Client, store: Store) -> None:
    """Read what metrics.k8s.io is to measure; what only the operator can ask stays unknown, and that is said."""
    assigned = store.policy.metering.assigned()
    resources = assigned.pop(Source.METRICS_SERVER, ())
    if assigned:
        told = ", ".join(f"{spoken(found)} from {source}" for source, found in assigned.items())
        _note(f"{told}: known to the operator alone")
    if not resources:
        return
    latest = time.time() + AHEAD_SECONDS

    async def take(loads: Mapping[str, Load]) -> None:
        store.apply_loads({name: believed(load, resources, latest) for name, load in loads.items()})

    credentials = client.credentials
    source = MetricsServer(credentials.server, Fetcher(credentials.ssl_context, credentials.authorization, 1))
    try:
        await source.read(store.nodes, take)
    except ClusterError:
        _note("no load samples: metrics.k8s.io does not answer you")
    finally:
        await source.close()


def _note(text: str) -> None:
    click.echo(f"note     {text}", err=True)
