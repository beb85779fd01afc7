"""The API server as its administrator reaches it: for whoever plays the user, and for whoever looks on."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from tests.faults.history import Json

MERGE = "application/merge-patch+json"
BUSY_TRIES = 10
BUSY_SECONDS = 0.5
TASKS = "/apis/loadstar.dev/v1alpha1"


class ApiError(Exception):
    """The API server refused; `status` is the HTTP code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message[:600]}")
        self.status = status


@dataclass(slots=True)
class Api:
    """One session to one API server."""

    server: str
    context: ssl.SSLContext
    session: aiohttp.ClientSession = field(init=False)

    async def __aenter__(self) -> Self:
        """Open the session."""
        connector = aiohttp.TCPConnector(ssl=self.context, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        self.session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        content: str = "application/json",
    ) -> Json:
        """Send one request, again while the API server is busy, and return the object that answers. Raises ApiError."""
        data = None if body is None else json.dumps(body)
        for more in reversed(range(BUSY_TRIES)):
            async with (
                asyncio.timeout(30),
                self.session.request(
                    method, self.server + path, data=data, params=params, headers={"Content-Type": content}
                ) as answer,
            ):
                text = await answer.text()
                if answer.status < 400:
                    return dict(json.loads(text))
                if answer.status != 429 or not more:
                    raise ApiError(answer.status, text)
            await asyncio.sleep(BUSY_SECONDS)
        raise AssertionError

    async def watch(self, path: str, version: str) -> AsyncIterator[Json]:
        """The events after a version, until the stream ends."""
        params = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "3600"}
        async with self.session.get(self.server + path, params=params) as answer:
            async for line in lines(answer.content):
                yield json.loads(line)


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream, however long, each with its end."""
    buffer = bytearray()
    async for chunk in content.iter_any():
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            yield bytes(buffer[: end + 1])
            del buffer[: end + 1]
