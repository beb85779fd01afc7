"""A metrics.k8s.io that answers what it is told: in place of the bed's, or by itself sound samples of every node.

`python -m tests.fuzz.loads FOLDER ADDRESS PORT CERTIFICATE KEY` serves in the control plane's network.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from aiohttp import web

TOLD: Final = "told.json"
SERVED: Final = "served"
NODES: Final = "nodes"

Json = dict[str, Any]


def samples(names: list[str]) -> Json:
    """A sound answer."""
    now = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    usage = {"cpu": "100m", "memory": "256Mi"}
    items = [{"metadata": {"name": name}, "timestamp": now, "window": "10s", "usage": usage} for name in names]
    return {"kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}


def application(folder: Path) -> web.Application:
    """The server: discovery, and the nodes."""
    served = 0

    async def nodes(_: web.Request) -> web.Response:
        nonlocal served
        told = folder / TOLD
        odd = told.exists()
        text = told.read_text() if odd else json.dumps(samples((folder / NODES).read_text().split()))
        if odd:
            served += 1
            (folder / SERVED).write_text(str(served))
        return web.Response(text=text, content_type="application/json")

    async def discovery(_: web.Request) -> web.Response:
        resource = {
            "name": "nodes",
            "singularName": "",
            "namespaced": False,
            "kind": "NodeMetrics",
            "verbs": ["get", "list"],
        }
        return web.json_response(
            {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": "metrics.k8s.io/v1beta1",
                "resources": [resource],
            }
        )

    server = web.Application()
    server.router.add_get("/apis/metrics.k8s.io/v1beta1/nodes", nodes)
    server.router.add_get("/apis/metrics.k8s.io/v1beta1", discovery)
    return server


async def serve(folder: Path, address: str, port: int, certificate: str, key: str) -> None:
    """Serve until ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    runner = web.AppRunner(application(folder), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port, ssl_context=context).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]))
