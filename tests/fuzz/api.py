"""The API server as an administrator's program speaks to it: status codes and bodies, nothing hidden."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from loadstar.kube.credentials import Credentials

TASKS: Final = "apis/loadstar.dev/v1alpha1/namespaces/{}/tasks"
PODS: Final = "api/v1/namespaces/{}/pods"
QUEUES: Final = "apis/loadstar.dev/v1alpha1/namespaces/{}/taskqueues"
POLICIES: Final = "apis/loadstar.dev/v1alpha1/placementpolicies"
NODES: Final = "api/v1/nodes"
MERGE: Final = "application/merge-patch+json"
STRICT: Final = {"fieldValidation": "Strict", "fieldManager": "fuzz"}
TRIES: Final = 5

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status code with its object."""

    code: int
    body: Json

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return self.code < 300

    @property
    def message(self) -> str:
        """What a refusal says."""
        return str(self.body.get("message", ""))


class Api:
    """One session."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        connector = aiohttp.TCPConnector(ssl=credentials.ssl_context(), limit=128)
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=2**18)

    async def close(self) -> None:
        """Close it."""
        await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; what priority-and-fairness turns away is sent again."""
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(TRIES):
            async with self._session.request(
                method,
                f"{self._credentials.server}/{path}",
                data=data,
                params=params,
                headers={"Content-Type": content, **await self._headers()},
                timeout=aiohttp.ClientTimeout(total=30),
            ) as response:
                text = await response.text(errors="replace")
                if response.status != 429 or attempt == TRIES - 1:
                    return Answer(response.status, _object(text))
                await asyncio.sleep(float(response.headers.get("Retry-After", "1")))
        raise AssertionError("not reached")

    async def create(self, path: str, body: Any) -> Answer:
        """POST, as `kubectl apply` makes a new object."""
        return await self.call("POST", path, body, params=STRICT)

    async def patch(self, path: str, body: Any) -> Answer:
        """Merge patch, as `kubectl apply` edits."""
        return await self.call("PATCH", path, body, content=MERGE, params=STRICT)

    async def get(self, path: str) -> Answer:
        """GET."""
        return await self.call("GET", path)

    async def delete(self, path: str, *, force: bool = False) -> Answer:
        """DELETE; `force`: without grace."""
        body = {"propagationPolicy": "Background", **({"gracePeriodSeconds": 0} if force else {})}
        return await self.call("DELETE", path, body)

    @asynccontextmanager
    async def watch(self, path: str, version: str) -> AsyncIterator[AsyncIterator[Json]]:
        """The events of a collection from a version on."""
        params = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        async with self._session.get(
            f"{self._credentials.server}/{path}",
            params=params,
            headers=await self._headers(),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response:
            yield _events(response)

    async def _headers(self) -> dict[str, str]:
        authorization = await self._credentials.authorization()
        return {"Authorization": authorization} if authorization else {}


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    buffer = bytearray()
    async for chunk in response.content.iter_any():
        buffer += chunk
        *lines, rest = bytes(buffer).split(b"\n")
        buffer = bytearray(rest)
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _object(text: str) -> Json:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"message": text[:500]}
