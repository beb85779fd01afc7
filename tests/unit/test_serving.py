"""Liveness, readiness and metrics over HTTP."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient, TestServer

from loadstar import serving
from loadstar.serving import application


async def test_decisions_are_for_the_pod_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision log names Tasks: it is given to port-forward, which comes from loopback, and to nobody else."""
    app = application(dict, list, lambda: b'{"format":1}\n')
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/decisions")).read() == b'{"format":1}\n'
        monkeypatch.setattr(serving, "LOOPBACK", set())
        refused = await client.get("/decisions")
        assert (refused.status, "port-forward" in await refused.text()) == (403, True)


async def test_health_is_the_age_of_the_loops() -> None:
    """A loop that did not turn for too long makes liveness fail and is named; readiness names what is missing."""
    ages, missing = {"lease": 1.0}, ["pods"]
    async with TestClient(TestServer(application(lambda: ages, lambda: missing, lambda: b""))) as client:
        assert (await client.get("/healthz")).status == 200
        ready = await client.get("/readyz")
        assert (ready.status, await ready.text()) == (503, "not ready: pods\n")
        missing.clear()
        assert (await client.get("/readyz")).status == 200
        ages["lease"] = 999.0
        stalled = await client.get("/healthz")
        assert (stalled.status, await stalled.text()) == (500, "stalled: lease 999 s\n")
        assert "loadstar_tasks" in await (await client.get("/metrics")).text()
