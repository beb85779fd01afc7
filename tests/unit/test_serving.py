"""Liveness, readiness and metrics over HTTP."""

from __future__ import annotations

from aiohttp.test_utils import TestClient, TestServer

from loadstar.serving import application


async def test_health_is_the_age_of_the_loops() -> None:
    """A loop that did not turn for too long makes liveness fail and is named; readiness names what is missing."""
    ages, missing = {"lease": 1.0}, ["pods"]
    async with TestClient(TestServer(application(lambda: ages, lambda: missing))) as client:
        assert (await client.get("/healthz")).status == 200
        ready = await client.get("/readyz")
        assert (ready.status, await ready.text()) == (503, "not ready: pods\n")
        missing.clear()
        assert (await client.get("/readyz")).status == 200
        ages["lease"] = 999.0
        stalled = await client.get("/healthz")
        assert (stalled.status, await stalled.text()) == (500, "stalled: lease 999 s\n")
        assert "loadstar_tasks" in await (await client.get("/metrics")).text()
