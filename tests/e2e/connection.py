"""The API server as an administrator reaches it, for what kubectl is too slow or too coarse for.

It shares nothing with the operator's own client but where credentials are found, so that a fault there hides nothing.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from loadstar.kube.credentials import Credentials

MERGE_PATCH = "application/merge-patch+json"
SECONDS = 20.0
GOODBYE_SECONDS = 0.25
LINE_BYTES = 2**24

Json = dict[str, Any]
Result = TypeVar("Result")


class Connection:
    """One pool of connections to the API server. An async context manager."""

    def __init__(self, connections: int = 32) -> None:
        self._connections = connections

    async def __aenter__(self) -> Self:
        """Open the pool with $KUBECONFIG's credentials."""
        self._credentials = await Credentials.load()
        connector = aiohttp.TCPConnector(ssl=self._credentials.ssl_context(), limit=self._connections)
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=2**18)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool; TLS takes a moment to say good-bye."""
        await self._session.close()
        await asyncio.sleep(GOODBYE_SECONDS)

    async def send(
        self, method: str, path: str, body: Json | None = None, content_type: str = "application/json"
    ) -> tuple[int, Json]:
        """One request; returns the status code and the object that answers. Raises OSError when there is no answer."""
        try:
            async with self._session.request(
                method,
                self._credentials.server + path,
                data=None if body is None else json.dumps(body),
                headers={**await self._login(), "Content-Type": content_type},
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as response:
                content = await response.read()
                return response.status, dict(json.loads(content))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OSError(f"{method} {path}: {error!r}") from error

    async def watch(self, path: str, version: str) -> AsyncGenerator[Json]:
        """The events of a collection after a version, until the stream ends. Raises OSError when it breaks."""
        parameters = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        buffer = b""
        try:
            async with self._session.get(
                self._credentials.server + path,
                params=parameters,
                headers=await self._login(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=SECONDS),
            ) as response:
                if response.status != 200:
                    raise OSError(f"watch {path}: HTTP {response.status}")
                async for chunk in response.content.iter_any():
                    *lines, buffer = (buffer + chunk).split(b"\n")
                    for line in lines:
                        yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OSError(f"watch {path}: {error!r}") from error

    async def _login(self) -> dict[str, str]:
        token = await self._credentials.authorization()
        return {"Authorization": token} if token else {}


class Background:
    """An event loop in a thread of its own: what runs there goes on while the test does something else."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run to its end and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin, and return at once."""

        async def begin() -> asyncio.Task[None]:
            return asyncio.create_task(work)

        return self.call(begin())

    def end(self, task: asyncio.Task[None]) -> None:
        """Cancel what was begun. Raises what it raised."""

        async def finish() -> None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()):
                raise error

        self.call(finish())

    def close(self) -> None:
        """End the thread."""
        self.call(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
