"""A bed of simulated nodes that are those of a trace: as large, with others on them that request what they request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.live.playground import PORT
from bench.live.units import Jobs, Tasks, written
from bench.throughput.ground import TUNING, Ground
from bench.throughput.rivals import PODS, TASKS
from bench.throughput.session import RequestError, Session, each
from loadstar.core.quantity import CPU, MEMORY
from loadstar.simulate.job import Job
from loadstar.simulate.shape import Host
from tests.cluster import kwok
from tests.cluster.tuning import NODE_PODS

Json = dict[str, Any]

METRIC_SECONDS = 15
GC_PERCENT = 400
"""Three API servers share a machine; how often they collect their small heaps is no part of what is measured."""
SETTING = replace(
    TUNING, metric_seconds=METRIC_SECONDS, node_pods=NODE_PODS, simulated_kubelets=PORT, gc_percent=GC_PERCENT
)
MEASURED_SECONDS = 120.0
SAMPLE_SECONDS = 60.0
WIDTH = 8
MERGE = {"Content-Type": "application/merge-patch+json"}
METRICS = "/apis/metrics.k8s.io/v1beta1/nodes"


def ground(name: str, root: Path, logs: Path) -> Ground:
    """A bed, not yet up."""
    return Ground(name, root, logs, SETTING)


def here(hosts: Sequence[Host]) -> list[Host]:
    """The same nodes under the names that they have on a bed."""
    return [replace(host, name=f"kwok-{number}") for number, host in enumerate(hosts)]


async def shape(session: Session, hosts: Sequence[Host]) -> None:
    """Make the nodes as large as these, and let Pods of others request what they request."""
    by_name = {host.name: host for host in hosts}

    async def one(name: str) -> None:
        host = by_name[name]
        room = {**written({CPU: round(host.cores * 1000), MEMORY: round(host.memory)}), "pods": str(NODE_PODS)}
        body = {"status": {"capacity": room, "allocatable": room}}
        await session.call("PATCH", f"/api/v1/nodes/{name}/status", body, headers=MERGE)
        await session.call("POST", f"/api/v1/namespaces/{kwok.NAMESPACE}/pods", others(host))

    await each(by_name, one, WIDTH)


def others(host: Host) -> Json:
    """The Pod that requests what others on the node request."""
    pod = kwok.load(int(host.name.rpartition("-")[2]))
    pod["metadata"]["name"] = f"others-{host.name}"
    pod["spec"]["containers"][0]["resources"] = {"requests": written(host.requested)}
    return pod


async def measured(session: Session, count: int) -> None:
    """Return once metrics-server has a sample of so many nodes. Raises TimeoutError."""
    async with asyncio.timeout(MEASURED_SECONDS):
        while True:
            try:
                found = (await session.json("GET", METRICS)).get("items") or ()
            except RequestError:
                found = ()
            if len(found) >= count:
                return
            await asyncio.sleep(0.5)


async def sample(session: Session, jobs: Jobs) -> None:
    """Run one Task, which ends by itself, for Jobs to take over its Pod. Raises TimeoutError."""
    job = Job(0, 0.0, 0.1, 0.1, 1.0, 0.0, "sample", {CPU: 10, MEMORY: 2**23})
    document = Tasks("LoadAware").document(job, ("simulate", "0.5"))
    document["metadata"]["name"] = "sample"
    await session.call("POST", TASKS, document)
    async with asyncio.timeout(SAMPLE_SECONDS):
        while not (names := await session.names(PODS, limit=1)):
            await asyncio.sleep(0.2)
        jobs.learn(await session.json("GET", f"{PODS}/{names[0]}"))
        while Tasks("").ended(await session.json("GET", f"{TASKS}/sample")) is None:
            await asyncio.sleep(0.2)
    await session.empty(TASKS)
