"""The bench's own way to the API server: one session as administrator, the same for both rivals."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from tests.cluster.bed import Bed

Json = dict[str, Any]

CONNECTIONS = 128
PAGE = 2000
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TRIES = 5
SECONDS = 60.0


class RequestError(Exception):
    """The API server's own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status}: {message[:400]}")
        self.status = status


class Session:
    """Requests to the API server of one bed."""

    def __init__(self, bed: Bed) -> None:
        plane = bed.plane()
        self.server = plane.server
        context = ssl.create_default_context(cafile=str(plane.pki.path("ca.crt")))
        context.load_cert_chain(plane.pki.path("admin.crt"), plane.pki.path("admin.key"))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=CONNECTIONS),
            headers={"User-Agent": "loadstar-bench", "Content-Type": "application/json"},
            read_bufsize=2**18,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(
        self, method: str, path: str, body: Json | None = None, *, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """One request; a 429 is waited out. Raises RequestError."""
        data = None if body is None else orjson.dumps(body)
        for attempt in range(TRIES):
            async with self._session.request(
                method,
                self.server + path,
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as response:
                content = await response.read()
                if response.status < 400:
                    return content
                if response.status != 429 or attempt == TRIES - 1:
                    raise RequestError(response.status, content.decode(errors="replace"))
                await asyncio.sleep(float(response.headers.get("Retry-After", "1")))
        raise AssertionError

    async def json(self, method: str, path: str, body: Json | None = None) -> Json:
        """One request whose answer is an object."""
        return dict(orjson.loads(await self.call(method, path, body)))

    async def names(self, collection: str, limit: int = 0) -> list[str]:
        """The names in a collection, or only the first `limit`."""
        found: list[str] = []
        token = ""
        while True:
            path = f"{collection}?limit={limit or PAGE}" + (f"&continue={token}" if token else "")
            page = orjson.loads(await self.call("GET", path, headers={"Accept": METADATA_ONLY}))
            found += [item["metadata"]["name"] for item in page.get("items") or ()]
            token = page["metadata"].get("continue", "")
            if limit or not token:
                return found

    async def version(self, collection: str) -> str:
        """The resourceVersion of a collection now."""
        page = orjson.loads(await self.call("GET", f"{collection}?limit=1", headers={"Accept": METADATA_ONLY}))
        return str(page["metadata"]["resourceVersion"])

    async def empty(self, collection: str, width: int = 32) -> int:
        """Delete all of a collection, without grace; returns how many there were."""
        names = await self.names(collection)
        body = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}

        async def delete(name: str) -> None:
            try:
                await self.call("DELETE", f"{collection}/{name}", body)
            except RequestError as error:
                if error.status != 404:
                    raise

        await each(names, delete, width)
        return len(names)

    async def watch(self, collection: str, version: str, selector: str = "") -> AsyncIterator[Json]:
        """The events after `version`, until the stream ends."""
        path = f"{collection}?watch=true&timeoutSeconds=3600&resourceVersion={version}"
        if selector:
            path += f"&fieldSelector={selector}"
        async with self._session.get(
            self.server + path, timeout=aiohttp.ClientTimeout(total=None, sock_connect=SECONDS)
        ) as response:
            if response.status >= 400:
                raise RequestError(response.status, (await response.read()).decode(errors="replace"))
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield orjson.loads(line)


async def each(items: Iterable[str], work: Callable[[str], Awaitable[None]], width: int) -> None:
    """Work on all items, `width` at a time. The first failure ends the rest."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(worker())
