"""The operator's HTTP door: liveness, readiness, metrics. Read-only, no Task's content, no authentication needed.

Liveness is the age of the last turn of each loop, not that HTTP answers: a loop that hangs is an internal fault and
worth a restart. A loop that turns and gets no answer from the API server is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

STALLED_SECONDS: Final = 150.0
"""Longer than the longest silence that any loop allows itself."""

Ages = Callable[[], Mapping[str, float]]
Missing = Callable[[], list[str]]
Lines = Callable[[], bytes]
LOOPBACK: Final = {"127.0.0.1", "::1"}
"""Where `kubectl port-forward` comes from: whoever may do that to the operator's Pod."""


def application(ages: Ages, missing: Missing, decisions: Lines) -> web.Application:
    """`ages`: seconds since each loop's last turn; `missing`: what is not ready yet; `decisions`: the decision log.

    Decisions name Tasks, so they are given out to the Pod itself alone.
    """

    async def healthz(_: web.Request) -> web.Response:
        stalled = {name: age for name, age in ages().items() if age > STALLED_SECONDS}
        if stalled:
            text = ", ".join(f"{name} {age:.0f} s" for name, age in sorted(stalled.items()))
            return web.Response(status=500, text=f"stalled: {text}\n")
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        absent = missing()
        if absent:
            return web.Response(status=503, text=f"not ready: {', '.join(absent)}\n")
        return web.Response(text="ok\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def log(request: web.Request) -> web.Response:
        if request.remote not in LOOPBACK:
            return web.Response(status=403, text="only from the Pod itself: use kubectl port-forward\n")
        # It may be some MB: putting it into words must not hold up the event loop.
        lines = await asyncio.to_thread(decisions)
        return web.Response(body=lines, content_type="application/jsonl")

    app = web.Application(client_max_size=1024)
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
            web.get("/decisions", log),
        ]
    )
    return app


async def serve(app: web.Application, port: int) -> web.AppRunner:
    """Listen on all addresses; the caller cleans the runner up."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
