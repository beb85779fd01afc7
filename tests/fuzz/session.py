"""One run from the bed to the summary."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import socket
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes.aio import config as untyped_config
from kubernetes.aio.client import Configuration

from loadstar.kube.credentials import Credentials
from tests.cluster.bed import Bed
from tests.cluster.network import CONTROL_PLANE
from tests.cluster.processes import Daemon, wait_until
from tests.fuzz import bases
from tests.fuzz.api import NODES, POLICIES, Api
from tests.fuzz.cases import Case
from tests.fuzz.cluster import Cluster
from tests.fuzz.loads import NODES as NAMES
from tests.fuzz.pods import run_pod
from tests.fuzz.process import ROOT, Operator
from tests.fuzz.queues import run_queue
from tests.fuzz.recorder import Recorder
from tests.fuzz.steady import NAMESPACE as STEADY
from tests.fuzz.steady import Steady
from tests.fuzz.tasks import run_edit, run_sound, run_status, run_task
from tests.fuzz.world import NAMESPACE, OTHER, Book, World

config: Any = untyped_config
Json = dict[str, Any]
Runner = Callable[[World, Case], Awaitable[None]]
Objects = list[Future[list[Case]]]

SIMULATED: Final = 10
ALIVE: Final = 48
"""So many objects at a time."""
LANES: Final = {"policy": 1, "metrics": 1, "": ALIVE}
KIND_LANES: Final = {"policy by schema": "policy", "policy by field": "policy", "metrics": "metrics"}
CASE_SECONDS: Final = 120.0
USUAL_SECONDS: Final = 2.0
"""A healthy Task's time to RUNNING beside sound objects (p95) on a machine that is not busy with other things."""
SLOWER: Final = 2.0
FRESH_SECONDS: Final = 30.0
METRICS_PORT: Final = 4443
PROGRESS_SECONDS: Final = 10.0
WARM_SECONDS: Final = 2.0


def prepare(bed: Bed) -> None:
    """Bring the bed up, with what the fuzz needs in it: our kinds, namespaces, and a metrics.k8s.io of our own."""
    for note in bed.up(1, SIMULATED):
        print(note, flush=True)
    bed.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    for name in (NAMESPACE, OTHER, STEADY, "fuzz-system"):
        bed.kubectl("create", "namespace", name, check=False)
    for name in (NAMESPACE, OTHER, STEADY):
        bed.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
    bed.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    bed.kubectl("label", "node", "-l", "type=kwok", "fuzz=steady", "--overwrite")
    bed.kubectl("delete", "node", "-l", "fuzz=odd", "--ignore-not-found", "--wait=false")
    for name in (NAMESPACE, STEADY):
        bed.kubectl("delete", "ldt,ldq", "--all", "-n", name, "--wait=false", check=False)
    bed.kubectl("delete", "lease", "--all", "-n", "fuzz-system")


@contextlib.contextmanager
def fake_metrics(bed: Bed) -> Iterator[Path]:
    """Serve our own metrics.k8s.io where the bed's metrics-server was; yields the folder that tells it what to say."""
    folder = bed.folder / "fuzz"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / NAMES).write_text("node-0 " + " ".join(f"kwok-{n}" for n in range(SIMULATED)))
    plane = bed.plane()
    bed.stop("metrics-server")
    server = Daemon(folder, "metrics")
    server.start(
        plane.inside(
            *("env", f"PYTHONPATH={ROOT}:{ROOT / 'operator'}", sys.executable, "-m", "tests.fuzz.loads", folder),
            *(CONTROL_PLANE, str(METRICS_PORT), plane.pki.path("kwok.crt"), plane.pki.path("kwok.key")),
        )
    )
    try:
        path = "/apis/metrics.k8s.io/v1beta1/nodes"
        wait_until(lambda: "kwok-0" in bed.kubectl("get", "--raw", path, check=False), 30, "no fake metrics", every=0.3)
        yield folder
    finally:
        server.stop()
        bed.start("metrics-server")


async def fuzz(bed: Bed, objects: Objects, folder: Path, *, baseline: float) -> Json:
    """Run the cases; returns the summary."""
    configuration = Configuration()
    await config.load_kube_config(str(bed.kubeconfig), client_configuration=configuration)
    api = Api(Credentials(configuration))
    book = Book(note=lambda text: print(text, flush=True))
    world = World(api, Recorder(api), book)
    lanes = Lanes()

    def fault(text: str, line: Json) -> None:
        book.fault(lanes.by_name.get(str(line.get("task"))), text, line)

    operator = Operator(bed.variables(), folder / "operator.log", _free_port(), fault)
    try:
        async with asyncio.TaskGroup() as group:
            own = [group.create_task(world.recorder.run()), group.create_task(operator.run())]
            await operator.ready()
            cluster = Cluster(folder)
            await cluster.set_policy(world, bases.policy())
            result = await _phases(world, lanes, objects, cluster, baseline)
            await _recovered(world, operator)
            await operator.stop()
            for task in own:
                task.cancel()
    finally:
        await operator.stop()
        await api.close()
    return {
        **result,
        "objects": {kind: dict(answers) for kind, answers in sorted(book.answers.items())},
        "accepted": sum(answers["accepted"] for answers in book.answers.values()),
        "refused": sum(answers["refused"] for answers in book.answers.values()),
        "tracebacks": operator.tracebacks,
        "restarts": operator.restarts,
        "faults": book.faults,
    }


async def _phases(world: World, lanes: Lanes, objects: Objects, cluster: Cluster, baseline: float) -> Json:
    """The healthy stream beside sound objects, then beside the fuzz: what differs is that objects are odd."""
    steady, stop = Steady(world), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(steady.run(stop))
        await asyncio.sleep(WARM_SECONDS)
        began = time.monotonic()
        await _sound(world, baseline)
        started = time.monotonic()
        world.recorder.patience = max(1.0, (steady.p95(began, started) or 0.0) / USUAL_SECONDS)
        await _all(world, lanes, objects, cluster)
        ended = time.monotonic()
        stop.set()
    before, during = steady.p95(began, started), steady.p95(started, ended)
    if before and during and during > SLOWER * before:
        world.book.fault(None, f"healthy Tasks start in {during:.2f} s (p95), {before:.2f} s before the fuzz")
    return {
        "count": lanes.come,
        "seconds": round(ended - started, 1),
        "patience": round(world.recorder.patience, 1),
        "healthy": steady.made,
        "healthy_lost": steady.lost,
        "p95_start_before_s": None if before is None else round(before, 2),
        "p95_start_during_s": None if during is None else round(during, 2),
    }


async def _sound(world: World, seconds: float) -> None:
    """As many sound objects at a time as there will be odd ones."""
    end, numbers = time.monotonic() + seconds, itertools.count()

    async def work() -> None:
        while time.monotonic() < end:
            await run_sound(world, next(numbers))

    async with asyncio.TaskGroup() as group:
        for _ in range(ALIVE):
            group.create_task(work())


class Lanes:
    """The cases that wait. What goes one at a time has a lane of its own, so that it holds up nothing else."""

    def __init__(self) -> None:
        self.by_name: dict[str, Case] = {}
        self.come = 0
        self.done = 0
        self._queues: dict[str, asyncio.Queue[Case | None]] = {name: asyncio.Queue() for name in LANES}

    def queue(self, lane: str) -> asyncio.Queue[Case | None]:
        """The cases of a lane; None is the end for one worker."""
        return self._queues[lane]

    async def fill(self, objects: Objects) -> None:
        """Take the cases in as they are made, then say the end to every worker."""
        for future in objects:
            for case in await asyncio.wrap_future(future):
                self.by_name[f"f-{case.index}"] = case
                self.come += 1
                self._queues[KIND_LANES.get(case.kind, "")].put_nowait(case)
        for lane, workers in LANES.items():
            for _ in range(workers):
                self._queues[lane].put_nowait(None)


async def _all(world: World, lanes: Lanes, objects: Objects, cluster: Cluster) -> None:
    """Every case, a bounded number at a time."""
    runners: dict[str, Runner] = {
        "task by schema": run_task,
        "task by field": run_task,
        "edit": run_edit,
        "status by schema": run_status,
        "status giant": run_status,
        "pod": run_pod,
        "policy by schema": cluster.run_policy,
        "policy by field": cluster.run_policy,
        "queue by schema": run_queue,
        "queue by field": run_queue,
        "metrics": cluster.run_metrics,
        "node": cluster.run_node,
    }

    async def work(queue: asyncio.Queue[Case | None]) -> None:
        while case := await queue.get():
            try:
                async with asyncio.timeout(CASE_SECONDS * world.recorder.patience):
                    await runners[case.kind](world, case)
            except TimeoutError:
                world.book.fault(case, f"not done after {CASE_SECONDS * world.recorder.patience:g} s")
            except (aiohttp.ClientError, KeyError, TypeError, ValueError, AttributeError) as error:
                world.book.fault(case, f"the fuzz itself failed: {error!r}", traceback.format_exc()[-1500:])
            lanes.done += 1

    async def progress() -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            print(f"{lanes.done} objects, {len(world.book.faults)} faults", flush=True)

    telling = asyncio.create_task(progress())
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(lanes.fill(objects))
            for lane, workers in LANES.items():
                for _ in range(workers):
                    group.create_task(work(lanes.queue(lane)))
    finally:
        telling.cancel()


async def _recovered(world: World, operator: Operator) -> None:
    """After the fuzz the load is known again and the policy's status current: nothing odd has stuck."""
    end = time.monotonic() + FRESH_SECONDS
    stale: list[str] = ["no answer"]
    while stale and time.monotonic() < end:
        await asyncio.sleep(1)
        ages = await operator.sample_ages()
        stale = [f"kwok-{n}" for n in range(SIMULATED) if not 0 < ages.get(f"kwok-{n}", 1e9) < FRESH_SECONDS]
    if stale:
        world.book.fault(None, f"no fresh sample of {', '.join(stale)} though sound ones are served again")
    leftover = (await world.api.get(f"{NODES}?labelSelector=fuzz=odd")).body.get("items") or ()
    for node in leftover:
        await world.api.delete(f"{NODES}/{node['metadata']['name']}", force=True)
    policy = (await world.api.get(f"{POLICIES}/default")).body
    if not policy.get("status"):
        world.book.fault(None, "the policy has no status", json.dumps(policy)[:500])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
