"""Plays the kubelets of a bed's simulated nodes where KWOK has nothing to say: when Pods end, and what is measured.

A Pod that runs is put on its node of the scene; when its work is done its status is written, one PATCH as a kubelet's.
metrics-server reads the nodes here, as it would read kubelets: cumulative counters, so that its samples are true means.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from bench.live.scene import Ending, PodName, Scene
from bench.live.watch import owner
from bench.throughput.session import RequestError, Session
from loadstar.core.quantity import parse
from loadstar.simulate.job import Job
from tests.cluster.bed import Bed

Json = dict[str, Any]

PORT = 10351
"""Where the kubelets of simulated nodes are said to listen."""
LOOK = 5.0
"""How often the deviation of loads is looked at."""
LONGEST = 0.25
"""So often the others' use is looked at, and what is due, at least."""
OOM = 137
MERGE = {"Content-Type": "application/strategic-merge-patch+json"}
GONE = 404


class Playground:
    """Of one bed. `lags`: how many seconds after its work was done the end of each Pod was written."""

    def __init__(self, bed: Bed, session: Session, scene: Scene, jobs: Mapping[str, Job]) -> None:
        """`jobs` by the name of the Task or Job that owns the Pod."""
        self._bed = bed
        self._session = session
        self._jobs = jobs
        self._wake = asyncio.Event()
        self._epoch = time.time()
        self._zero = time.monotonic()
        self._put: set[str] = set()
        self._lead: float | None = None
        self.scene = scene
        self.lags: list[float] = []

    def now(self) -> float:
        """Seconds since the scene's beginning."""
        return time.monotonic() - self._zero

    def begin(self, lead: float) -> None:
        """The trace begins at that second of the scene: the others' use goes by it, and loads are looked at."""
        self._lead = lead

    @property
    def zero(self) -> float:
        """The second of the scene at which the trace begins."""
        return self._lead or 0.0

    def time(self) -> float:
        """Seconds since the trace's beginning."""
        return self.now() - self.zero

    def hear(self, event: Json) -> None:
        """An event of a Pod."""
        pod = event["object"]
        job = self._jobs.get(owner(pod))
        if job is None:
            return
        meta, spec = pod["metadata"], pod["spec"]
        first = spec["containers"][0]
        name = PodName(meta["namespace"], meta["name"], first["name"])
        phase = pod.get("status", {}).get("phase")
        if event["type"] == "DELETED":
            self.scene.gone(name, job, self.now())
        elif phase == "Running" and meta["uid"] not in self._put:
            self._put.add(meta["uid"])
            asked = (first.get("resources") or {}).get("requests") or {}
            memory = int(parse(asked["memory"])) if "memory" in asked else 0
            self._end_all(self.scene.start(name, job, spec["nodeName"], memory, self.now()))
        self._wake.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve the nodes' metrics and let Pods end until the block is left. A failure of it ends the block."""
        runner = web.AppRunner(self._app(), access_log=None)
        await runner.setup()
        plane = self._bed.plane()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(plane.pki.path("kwok.crt"), plane.pki.path("kwok.key"))
        try:
            await web.TCPSite(runner, plane.network.host_address, PORT, ssl_context=context).start()
            async with asyncio.TaskGroup() as self._group:
                turning = [self._group.create_task(self._turn()), self._group.create_task(self._look())]
                yield
                for task in turning:
                    task.cancel()
        finally:
            await runner.cleanup()

    def _app(self) -> web.Application:
        async def page(request: web.Request) -> web.Response:
            node = request.match_info["node"]
            if node not in self.scene.machines:
                raise web.HTTPNotFound
            return web.Response(text=self.scene.page(node, self.now(), self._epoch))

        app = web.Application()
        app.router.add_get("/metrics/nodes/{node}/metrics/resource", page)
        return app

    async def _turn(self) -> None:
        while True:
            self._end_all(self.scene.turn(self.now()))
            if self._lead is not None:
                self.scene.bear(self._lead, self.now())
            self._wake.clear()
            wait = min(LONGEST, max(0.0, self.scene.due() - self.now()))
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if self._lead is not None and self.now() >= self._lead:
                self.scene.look(self.now() - self._lead)

    def _end_all(self, endings: list[Ending]) -> None:
        for ending in endings:
            self._group.create_task(self._end(ending))

    async def _end(self, ending: Ending) -> None:
        pod = ending.pod
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/status"
        try:
            await self._session.call("PATCH", path, {"status": ended(ending)}, headers=MERGE)
        except RequestError as error:
            if error.status != GONE:
                raise
        self.lags.append(self.now() - ending.due)


def ended(ending: Ending) -> Json:
    """A Pod's status when its container has ended, as a kubelet writes it."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    code, reason = (OOM, "OOMKilled") if ending.killed else (0, "Completed")
    over = [
        {"type": kind, "status": "False", "reason": "PodCompleted", "lastTransitionTime": stamp}
        for kind in ("Ready", "ContainersReady")
    ]
    container = {
        "name": ending.pod.container,
        "ready": False,
        "started": False,
        "state": {"running": None, "terminated": {"exitCode": code, "reason": reason, "finishedAt": stamp}},
    }
    return {"phase": "Failed" if ending.killed else "Succeeded", "conditions": over, "containerStatuses": [container]}
