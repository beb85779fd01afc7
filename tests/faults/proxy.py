"""A reverse proxy between one operator and the API server that hurts as its plan says.

It numbers the operator's mutating requests, but for writes of the Lease, which come by the clock, and the creation of
the PlacementPolicy. The policy's status, which all cases of a bed would share, is answered here. Cluster-wide lists and
watches of Tasks and of their Pods are narrowed to the case's namespace, so that many cases run on one bed at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from tests.faults.api import MERGE, TASKS, Api
from tests.faults.fault import Kind, Plan
from tests.faults.oracles import RIVAL
from tests.faults.recorder import Recorder
from tests.faults.streams import Stream

READS = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = "loadstar.dev/task-uid"
LAPSE_SECONDS = 1.5
"""A leader whose last renewal is older may have lost the lead meanwhile."""
STALE_SECONDS = 2.0
"""How long an operator with a stale list has to act on it before its watch tells it more."""
_QUIET = logging.getLogger(__name__)
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False
"""aiohttp complains of every connection that is ended under a handler, as faults do."""
_HOP = frozenset({"host", "authorization", "content-length", "transfer-encoding", "connection", "accept-encoding"})
_REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One mutating request as it arrived, and what was answered (0: nothing)."""

    number: int
    method: str
    path: str
    at: float
    status: int


@dataclass(slots=True)
class Proxy:
    """For one operator; `kill`, `split` and `jump` act on it. `led`: since when its process leads, infinite before."""

    api: Api
    token: str
    recorder: Recorder
    plan: Plan
    kill: Callable[[], Awaitable[None]] = field(init=False)
    split: Callable[[], Awaitable[None]] = field(init=False)
    jump: Callable[[], None] = field(init=False)
    asked: list[Asked] = field(default_factory=list)
    led: float = float("inf")
    renewed: float = float("-inf")
    last: float = field(default_factory=time.monotonic)
    events: Counter[str] = field(default_factory=Counter)
    port: int = 0
    under_way: int = 0
    _stale: dict[str, int] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port of this machine."""
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, logger=_QUIET, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        url, stream = self._narrow(request.rel_url)
        try:
            if request.query.get("watch") in {"true", "1"}:
                return await self._watch(request, url, stream)
            if stream and request.method == "GET" and (version := self._stale.pop(stream, 0)):
                return web.json_response(self._old_list(stream, version))
            if request.method in READS:
                return await self._forward(request, url, b"")
            return await self._write(request, url)
        except (aiohttp.ClientError, TimeoutError, OSError):
            # The API server did not answer, or the operator is gone.
            return self._reset(request)

    def _narrow(self, url: URL) -> tuple[URL, str]:
        """Where it really goes, and which stream that is."""
        if url.path == f"{TASKS}/tasks":
            path = f"{TASKS}/namespaces/{self.recorder.namespace}/tasks"
            return URL.build(path=path, query=url.query), "tasks"
        if url.path == "/api/v1/pods" and url.query.get("labelSelector") == OURS:
            path = f"/api/v1/namespaces/{self.recorder.namespace}/pods"
            return URL.build(path=path, query=url.query), "pods"
        return url, ""

    async def _write(self, request: web.Request, url: URL) -> web.StreamResponse:
        body = await request.read()
        if "/leases" in url.path:
            lease = await self._forward(request, url, body)
            if lease.status < 400:
                now = time.monotonic()
                self.led = now if now - self.renewed > LAPSE_SECONDS else min(self.led, now)
                self.renewed = now
            return lease
        if url.path.endswith("/placementpolicies") or "/taskprofiles" in url.path or "/taskqueues" in url.path:
            return await self._forward(request, url, body)
        if url.path.endswith("/placementpolicies/default/status"):
            return web.json_response(await self.api.call("GET", url.path.removesuffix("/status")))
        number, kind = self.plan.request(request.method, url.path, time.monotonic())
        self.last = time.monotonic()
        self.under_way += 1
        try:
            answer = await self._strike(kind, request, url, body)
        finally:
            self.under_way -= 1
        self.asked.append(Asked(number, request.method, url.path, self.last, answer.status if answer else 0))
        self.last = time.monotonic()
        return answer or self._reset(request)

    async def _strike(  # noqa: C901, PLR0912 - one case a fault
        self, kind: Kind, request: web.Request, url: URL, body: bytes
    ) -> web.StreamResponse | None:
        """Do to a mutating request what the plan says; None is no answer."""
        match kind:
            case Kind.CRASH_BEFORE:
                await self.kill()
                return None
            case Kind.CRASH_AFTER | Kind.STALE_LIST:
                await self._forward(request, url, body)
                if kind is Kind.STALE_LIST:
                    first = min((event.version for event in self.recorder.events), default=0)
                    self._stale = {"tasks": first, "pods": first}
                await self.kill()
                return None
            case Kind.RESET:
                return None
            case Kind.LOST_REPLY:
                await self._forward(request, url, body)
                return None
            case Kind.ERROR:
                return _refuse(500)
            case Kind.CONFLICT:
                return _refuse(409)
            case Kind.THROTTLE | Kind.THROTTLE_LONG:
                return _refuse(429, headers={"Retry-After": "1"})
            case Kind.BUDGET:
                causes = [{"reason": "DisruptionBudget", "message": "The disruption budget x needs 1 healthy pods"}]
                return _refuse(429, details={"causes": causes})
            case Kind.DELAY:
                await asyncio.sleep(self.plan.fault.times)
            case Kind.SPLIT:
                await self.split()
            case Kind.CLOCK_JUMP:
                self.jump()
            case Kind.RIVAL:
                await self._rival(url.path)
            case _:
                pass
        return await self._forward(request, url, body)

    async def _rival(self, path: str) -> None:
        """Write the Task that is about to be written."""
        note = {"metadata": {"annotations": {RIVAL: str(time.monotonic_ns())}}}
        await self.api.call("PATCH", path.removesuffix("/status"), note, content=MERGE)

    async def _forward(self, request: web.Request, url: URL, body: bytes) -> web.Response:
        async with self._send(request, url, body) as answer:
            content = await answer.read()
            headers = {
                name: answer.headers[name] for name in ("Content-Type", "Date", "Retry-After") if name in answer.headers
            }
            return web.Response(status=answer.status, body=content, headers=headers)

    def _send(self, request: web.Request, url: URL, body: bytes) -> Any:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        headers |= {"Authorization": f"Bearer {self.token}", "Accept-Encoding": "identity"}
        target = URL(self.api.server + str(url), encoded=True)
        return self.api.session.request(request.method, target, data=body or None, headers=headers)

    async def _watch(self, request: web.Request, url: URL, name: str) -> web.StreamResponse:
        if name in self._gone:
            self._gone.discard(name)
            return _refuse(410)
        if self.plan.fault.kind is Kind.STALE_LIST and self.plan.struck and name:
            await asyncio.sleep(STALE_SECONDS)
        async with self._send(request, url, b"") as answer:
            headers = {"Content-Type": "application/json"}
            response = web.StreamResponse(status=answer.status, headers=headers)
            await response.prepare(request)
            stream = Stream(name, self.plan, self.events, response.write)
            await stream.run(answer.content)
            if stream.gone_next:
                self._gone.add(name)
            return response

    def _old_list(self, stream: str, version: int) -> Json:
        """The list as it was at a version."""
        picture = self.recorder.picture(version)
        kind, group = ("Task", "loadstar.dev/v1alpha1") if stream == "tasks" else ("Pod", "v1")
        items = list((picture.tasks if stream == "tasks" else picture.pods).values())
        return {
            "apiVersion": group,
            "kind": f"{kind}List",
            "metadata": {"resourceVersion": str(version)},
            "items": items,
        }

    def _reset(self, request: web.Request) -> web.Response:
        """End the connection without a word."""
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def _refuse(code: int, headers: Mapping[str, str] | None = None, details: Json | None = None) -> web.Response:
    body: Json = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": _REASONS[code],
        "code": code,
        "message": "an injected fault",
    }
    if details:
        body["details"] = details
    return web.json_response(body, status=code, headers=headers)
