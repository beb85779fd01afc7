"""A thin client: ready JSON over one session, and the API server's refusals as the runtime's errors.

It knows paths and status codes, no kinds. The generated client costs three times the CPU a write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

from loadstar import __version__
from loadstar.kube.credentials import Credentials
from loadstar.runtime.ports import (
    AlreadyExists,
    BudgetRefused,
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Terminating,
    Throttled,
    Unavailable,
)

MERGE_PATCH: Final = "application/merge-patch+json"
METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
REQUEST_SECONDS: Final = 10.0
CONNECTIONS: Final = 128
LINE_BYTES: Final = 8 * 2**20
"""The longest line of a watch that is read: an object is at most 1.5 MiB in etcd."""
SILENCE_SECONDS: Final = 90.0
"""No watch is silent for so long, since bookmarks come every minute; nor is the answer to a request for one."""
DEFAULT_RETRY_SECONDS: Final = 1.0

Json = dict[str, Any]


class Client:
    """One session to one API server."""

    def __init__(self, credentials: Credentials, observe: Callable[[float], None] = lambda _: None) -> None:
        """`observe` gets the API server's time, in whole seconds, whenever an answer tells another one."""
        self.credentials = credentials
        self._observe = observe
        self._date = ""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=credentials.ssl_context(), limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"loadstar/{__version__}", "Accept": "application/json"},
            read_bufsize=2**18,
        )

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def get(self, path: str) -> Json:
        """GET one object."""
        return await self.request("GET", path)

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        seconds: float = REQUEST_SECONDS,
    ) -> Json:
        """Send one request and return the object that answers. Raises the ClusterError that fits the refusal."""
        headers = await self._headers(accept)
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            async with self._session.request(
                method,
                self._url(path, params),
                data=None if body is None else orjson.dumps(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                content = await response.read()
                self._tell_time(response.headers.get("Date", ""))
                if response.status >= 400:  # noqa: PLR2004 - HTTP
                    raise refusal(response.status, content, response.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{method} {path}: {error!r}") from error
        try:
            answer = orjson.loads(content)
        except ValueError as error:
            raise Unavailable(f"{method} {path}: the answer is no JSON") from error
        if not isinstance(answer, dict):
            raise Unavailable(f"{method} {path}: the answer is no object")
        return answer

    @asynccontextmanager
    async def watch(
        self, path: str, params: Mapping[str, str], *, accept: str = "application/json"
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """Open a watch; yields an iterator over its events, which ends when the stream does."""
        try:
            async with self._session.get(
                self._url(path, {**params, "watch": "true"}),
                headers=await self._headers(accept),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS, sock_read=SILENCE_SECONDS),
            ) as response:
                if response.status >= 400:  # noqa: PLR2004 - HTTP
                    raise refusal(response.status, await response.read(), response.headers)
                yield _events(response)
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"watch {path}: {error!r}") from error

    def _url(self, path: str, params: Mapping[str, str] | None) -> URL:
        """Paths come quoted: they are not taken apart and quoted again for each request."""
        query = f"?{urlencode(params)}" if params else ""
        return URL(f"{self.credentials.server}{path}{query}", encoded=True)

    def _tell_time(self, date: str) -> None:
        if date and date != self._date:
            self._date = date
            with suppress(ValueError, TypeError):
                self._observe(parsedate_to_datetime(date).timestamp())

    async def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Accept": accept}
        if authorization := await self.credentials.authorization():
            headers["Authorization"] = authorization
        return headers


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    buffer = bytearray()
    async for chunk in response.content.iter_any():
        buffer += chunk
        if len(buffer) > LINE_BYTES:
            raise Unavailable("a watch event is larger than any object may be")
        *lines, rest = bytes(buffer).split(b"\n")
        buffer = bytearray(rest)
        for line in lines:
            if line.strip():
                try:
                    yield orjson.loads(line)
                except ValueError as error:
                    raise Unavailable("a watch event is no JSON") from error
        await asyncio.sleep(0)


def refusal(status: int, content: bytes, headers: Mapping[str, str]) -> ClusterError:
    """The error that a status code and its Status object stand for."""
    try:
        answer = orjson.loads(content)
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    message = str(answer.get("message") or content[:200].decode(errors="replace") or f"HTTP {status}")[:1024]
    if status == 429 and _budget(answer):  # noqa: PLR2004 - HTTP
        return BudgetRefused(message)
    if status == 429:  # noqa: PLR2004 - HTTP
        return Throttled(message, _retry_after(headers))
    if status == 409:  # noqa: PLR2004 - HTTP
        return AlreadyExists(message) if answer.get("reason") == "AlreadyExists" else Conflict(message)
    if status >= 500 or status in {401, 408}:  # noqa: PLR2004 - HTTP
        return Unavailable(message)
    if status == 403 and any(c.get("reason") == "NamespaceTerminating" for c in _causes(answer)):  # noqa: PLR2004 - HTTP
        return Terminating(message)
    if status in {400, 422} and not _names_a_field(answer):  # an admission plugin, policy or webhook, whatever its code
        return Forbidden(message)
    kinds: dict[int, type[ClusterError]] = {400: Invalid, 403: Forbidden, 404: NotFound, 410: NotFound, 422: Invalid}
    return kinds.get(status, ClusterError)(message)


def _budget(answer: Json) -> bool:
    return any(cause.get("reason") == "DisruptionBudget" for cause in _causes(answer))


def _names_a_field(answer: Json) -> bool:
    """True when the object itself is at fault, as validation says it; a denial may end when a policy does."""
    return any(cause.get("field") for cause in _causes(answer)) or "denied" not in str(answer.get("message"))


def _causes(answer: Json) -> list[Json]:
    details = answer.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []


def _retry_after(headers: Mapping[str, str]) -> float:
    raw = headers.get("Retry-After", "")
    return float(raw) if raw.isdecimal() else DEFAULT_RETRY_SECONDS
