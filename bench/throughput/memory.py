"""What the operator weighs in a cluster full of finished and waiting Tasks and of other people's Pods."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.throughput.ground import Ground
from bench.throughput.observer import Observer
from bench.throughput.rivals import JOBS, PODS, TASKS, Loadstar
from bench.throughput.run import leading
from bench.throughput.session import Session, each
from bench.throughput.usage import cpu_seconds, rss_mb

Json = dict[str, Any]

PODS_A_NODE = 100
WAITING = 10
FAILED = 10
"""Percent of the Tasks that fit nowhere, and that have failed; the others have succeeded."""
TOO_MUCH = {"cpu": "64"}
SECONDS = 60
WIDTH = 64
FOREIGN = "foreign"
MODEL_SECONDS = 60.0
SCHEMA_SECONDS = 5.0
"""How long the API server may go by the old schema."""


def nodes_for(count: int) -> int:
    """How many nodes hold so many Pods."""
    return max(10, -(-count // PODS_A_NODE))


async def measure_memory(ground: Ground, session: Session, count: int) -> Json:
    """Fill the cluster, start the operator against it, watch its memory for a minute. The bed is of no use after it."""
    print(f"   memory: {count} Tasks and {count} foreign Pods on {ground.nodes} nodes", flush=True)
    task = Loadstar(1)
    model = await _model(ground, session, task)
    await ground.clear(session, [TASKS, JOBS])

    async def create_task(name: str) -> None:
        number = int(name.rpartition("-")[2])
        document = task.document(name)
        waits = number % 100 < WAITING
        if waits:
            document["spec"]["worker"]["resources"] = {"requests": TOO_MUCH}
        else:
            document["status"] = _status(model, name, failed=number % 100 < WAITING + FAILED)
        await session.call("POST", TASKS, document)

    async def create_pod(name: str) -> None:
        number = int(name.rpartition("-")[2])
        pods = f"/api/v1/namespaces/{FOREIGN}/pods"
        await session.call("POST", pods, _foreign(name, f"kwok-{number % ground.nodes}"))

    await session.call("POST", "/api/v1/namespaces", {"metadata": {"name": FOREIGN}})
    await _account(session)
    await asyncio.to_thread(ground.open_status)
    await asyncio.sleep(SCHEMA_SECONDS)
    await _fill("Tasks", [f"held-{n:05}" for n in range(count)], create_task)
    await asyncio.to_thread(ground.install)
    await _fill("Pods", [f"foreign-{n:05}" for n in range(count)], create_pod)
    await asyncio.to_thread(ground.compact)
    await ground.quiet()
    return {"tasks": count, "foreign_pods": count, "nodes": ground.nodes, **await _weigh(ground)}


async def _weigh(ground: Ground) -> Json:
    started = time.monotonic()
    async with leading(ground, 1) as replicas:
        pid = replicas[0].pid
        ready, spent = time.monotonic() - started, cpu_seconds(pid)
        at_first = rss_mb(pid)
        series = []
        for _ in range(SECONDS):
            await asyncio.sleep(1)
            series.append(rss_mb(pid))
        result = {
            "leading_after_s": round(ready, 1),
            "cpu_s_until_leading": round(spent, 2),
            "cpu_s_in_the_minute_after": round(cpu_seconds(pid) - spent, 2),
            "rss_mb_leading": at_first,
            "rss_mb_after_60_s": series[-1],
            "rss_mb_peak": rss_mb(pid, peak=True),
            "rss_mb_each_second": series,
        }
    print(f"      {result['rss_mb_after_60_s']} MB after a minute, {result['rss_mb_peak']} MB at most", flush=True)
    return result


async def _model(ground: Ground, session: Session, task: Loadstar) -> Json:
    """The status of a Task that really ran to its end."""
    observer = Observer(session, PODS, TASKS, task.ended)
    async with leading(ground, 1), observer.watching():
        await session.call("POST", TASKS, task.document("model"))
        await observer.until(1, MODEL_SECONDS)
    return dict((await session.json("GET", f"{TASKS}/model"))["status"])


def _status(model: Json, name: str, *, failed: bool) -> Json:
    pod = f"{name}-abcde-0-1"
    status = {**model, "pod": pod, "attempts": [{**attempt, "pod": pod} for attempt in model.get("attempts") or ()]}
    if failed:
        status |= {"state": "FAILED", "reason": "WorkerFailed", "exitCode": 1, "failures": 4}
    return status


async def _account(session: Session) -> None:
    """A namespace takes Pods once its default ServiceAccount is there."""
    async with asyncio.timeout(30):
        while "default" not in await session.names(f"/api/v1/namespaces/{FOREIGN}/serviceaccounts"):
            await asyncio.sleep(0.2)


async def _fill(what: str, names: list[str], create: Callable[[str], Awaitable[None]]) -> None:
    started = time.monotonic()
    block = 5000
    for first in range(0, len(names), block):
        await each(names[first : first + block], create, WIDTH)
        done = min(len(names), first + block)
        print(f"      {done} {what} after {time.monotonic() - started:.0f} s", flush=True)


def _foreign(name: str, node: str) -> Json:
    """A Pod as a Deployment's are, bound to a node from the start."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": FOREIGN,
            "labels": {
                "app.kubernetes.io/name": "web",
                "app.kubernetes.io/instance": name,
                "pod-template-hash": "5d",
            },
            "annotations": {"kwok.x-k8s.io/usage-cpu": "20m", "kwok.x-k8s.io/usage-memory": "64Mi"},
        },
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": False,
            "tolerations": [{"operator": "Exists"}],
            "containers": [
                {
                    "name": "web",
                    "image": "simulated",
                    "env": [{"name": f"SETTING_{n}", "value": f"value of setting {n}"} for n in range(8)],
                    "ports": [{"containerPort": 8080}],
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
                },
                {"name": "proxy", "image": "simulated", "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}},
            ],
        },
    }
