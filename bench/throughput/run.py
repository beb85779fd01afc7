"""One run: so many units of one rival, from the first create to the last end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.throughput.calls import Calls
from bench.throughput.ground import Ground
from bench.throughput.interval import percentile
from bench.throughput.observer import Disturbed, Observer
from bench.throughput.replica import Replica
from bench.throughput.rivals import JOBS, PODS, TASKS, Loadstar, Rival
from bench.throughput.sampler import Sampler, server_profile
from bench.throughput.session import RequestError, Session, each
from bench.throughput.usage import Usage, rss_mb

Row = dict[str, Any]

SETTLE_SECONDS = 2.0
IDLE_SECONDS = 5.0
"""How long the CPU of everything is measured with nothing to do: what grows with nodes and time, not with units."""
BASE_SECONDS = 120.0
SLOWEST_PER_S = 4.0
"""A run that is slower than this is given up."""
TRIES = 3
PROFILED_PER_S = 60


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all runs have in common."""

    width: int = 32
    """How many creates are under way at once."""
    rate: float = 0.0
    """Creates a second at most; 0 is as many as go."""
    replicas: int = 1
    profile: Path | None = None
    """Where the samples of the operator's stacks go."""


async def measure(ground: Ground, session: Session, rival: Rival, units: int, conditions: Conditions) -> Row:
    """Run until one run was undisturbed; says how many were not. Raises Disturbed when all were."""
    disturbed: list[str] = []
    for _ in range(TRIES):
        await ground.clear(session, [TASKS, JOBS])
        try:
            row = await _once(ground, session, rival, units, conditions)
        except* (Disturbed, RequestError, aiohttp.ClientError, OSError, RuntimeError) as errors:
            disturbed.append("; ".join(str(error) for error in leaves(errors)))
            print(f"      disturbed, once more: {disturbed[-1]}", flush=True)
        else:
            return row | {"disturbed": disturbed}
    raise Disturbed(f"{rival.name} with {units} units on {ground.nodes} nodes: {disturbed}")


async def _once(ground: Ground, session: Session, rival: Rival, units: int, conditions: Conditions) -> Row:
    async with leading(ground, conditions.replicas if isinstance(rival, Loadstar) else 0) as replicas:
        await ground.quiet()
        pids = ground.pids() | {f"operator{n or ''}": replica.pid for n, replica in enumerate(replicas)}
        pids["bench"] = os.getpid()
        observer = Observer(session, PODS, rival.collection, rival.ended)
        sampler = Sampler(conditions.profile, replicas[0].pid) if conditions.profile and replicas else None
        usage = Usage.read(pids)
        await asyncio.sleep(IDLE_SECONDS)
        resting = Usage.read(pids).since(usage)
        calls, wrote = Calls.read((await session.call("GET", "/metrics")).decode()), await _writes(replicas)
        load = os.getloadavg()[0]
        at = time.time()
        created: dict[str, float] = {}
        async with observer.watching():
            if sampler:
                await sampler.start()
            profile = asyncio.create_task(_profile_server(session, conditions, rival, units))
            usage = Usage.read(pids)
            started = time.monotonic()
            pace = asyncio.Semaphore(0) if conditions.rate else None

            async def create(name: str) -> None:
                if pace:
                    await pace.acquire()
                await session.call("POST", rival.collection, rival.document(name))
                created[name] = time.monotonic()

            async with asyncio.TaskGroup() as group:
                if pace:
                    group.create_task(_tick(pace, conditions.rate, units))
                await each([f"unit-{n:05}" for n in range(units)], create, conditions.width)
            creating = time.monotonic() - started
            await observer.until(units, BASE_SECONDS + units / SLOWEST_PER_S)
            spent = Usage.read(pids).since(usage)
            await profile
            if sampler:
                await sampler.stop()
        seconds = max(observer.ended.values()) - started
        await asyncio.sleep(SETTLE_SECONDS)
        added = Calls.read((await session.call("GET", "/metrics")).decode()).since(calls)
        says = await _writes(replicas) - wrote
        memory = {"operator": rss_mb(replicas[0].pid, peak=True)} if replicas else {}
        memory["kube-controller-manager"] = rss_mb(pids["kube-controller-manager"])
    if restless := await ground.restless_nodes(session, at):
        raise Disturbed(f"{len(restless)} nodes were not Ready all the time, such as {restless[0]}")
    waits = [observer.running[name] - created[name] for name in created if name in observer.running]
    ends = sorted(end - started for end in observer.ended.values())
    own = rival.own(added)
    return {
        "rival": rival.name,
        "units": units,
        "nodes": ground.nodes,
        "seconds": round(seconds, 3),
        "per_s": round(units / seconds, 2),
        "creates_per_s": round(units / creating, 1),
        "failed": len(observer.failed),
        "to_running_s": {f"p{p}": round(percentile(waits, p / 100), 3) for p in (50, 90, 99, 100)},
        "unseen_running": units - len(waits),
        "watches_resumed": observer.resumed,
        "tenths_s": [round(percentile(ends, tenth / 10), 2) for tenth in range(1, 11)],
        "own_calls": own,
        "own_calls_per_unit": round(sum(own.values()) / units, 3),
        "says_it_wrote_per_unit": round(says / units, 3) if replicas else None,
        "all_calls_per_unit": round((added.total() - units) / units, 3),
        "calls": added.table(),
        "refused_calls": added.refused,
        "cpu_s": spent,
        "idle_cpu_ms_per_s": {name: round(value / IDLE_SECONDS * 1000, 1) for name, value in resting.items()},
        "rss_mb": memory,
        "load_before": round(load, 2),
    }


@asynccontextmanager
async def leading(ground: Ground, count: int) -> AsyncIterator[list[Replica]]:
    """So many ready replicas, the first of which leads; all are ended afterwards."""
    replicas = ground.replicas(count)
    try:
        for replica in replicas:
            replica.start()
            await replica.wait_ready()
            if replica is replicas[0]:
                async with asyncio.timeout(60):
                    while not await replica.leads():
                        await asyncio.sleep(0.1)
        yield replicas
    finally:
        await asyncio.gather(*(replica.stop() for replica in replicas))


async def _profile_server(session: Session, conditions: Conditions, rival: Rival, units: int) -> None:
    if conditions.profile:
        seconds = min(30, max(5, units // PROFILED_PER_S))
        await server_profile(session, conditions.profile / f"apiserver-{rival.name}.pprof", seconds)


async def _writes(replicas: list[Replica]) -> int:
    return sum([await replica.writes() for replica in replicas])


async def _tick(pace: asyncio.Semaphore, rate: float, units: int) -> None:
    started = time.monotonic()
    for number in range(units):
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        pace.release()


def leaves(error: BaseException) -> list[BaseException]:
    """What a group of errors consists of; an error alone is just itself."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in leaves(part)]
    return [error]
