"""GET and POST to whoever measures: each request with a time-out, each answer with a largest size, no redirects.

A pool of its own, so that a slow kubelet never holds up a write to the API server. Errors are the runtime's.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp
import orjson
from yarl import URL

from loadstar import __version__
from loadstar.core.metering import Tls
from loadstar.runtime.ports import ClusterError, Forbidden, Misconfigured, NotFound, Throttled, Unavailable

WORDS: Final = 300
"""Characters of an answer that are quoted."""

Trust = Callable[[], ssl.SSLContext]
Authorization = Callable[[], Awaitable[str | None]]


class Web(Protocol):
    """What a source needs of the world."""

    async def get(self, url: str, *, seconds: float, most: int) -> bytes:
        """The body at `url`, at most so many bytes. Raises a ClusterError."""
        ...

    async def post(self, url: str, form: Mapping[str, str], *, seconds: float, most: int) -> bytes:
        """What answers a form. Raises a ClusterError."""
        ...

    async def close(self) -> None:
        """Close the connections; the next request opens others."""
        ...


class Fetcher:
    """A `Web`: one session, opened at the first request and anew after a TLS failure, since authorities change."""

    def __init__(self, trust: Trust, authorization: Authorization, connections: int) -> None:
        """`trust` may raise Misconfigured; `authorization` gives the header of that name for each request."""
        self._trust = trust
        self._authorization = authorization
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, *, seconds: float, most: int) -> bytes:
        """See Web."""
        return await self._request("GET", url, None, seconds, most)

    async def post(self, url: str, form: Mapping[str, str], *, seconds: float, most: int) -> bytes:
        """See Web."""
        return await self._request("POST", url, form, seconds, most)

    async def close(self) -> None:
        """See Web."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _request(self, method: str, url: str, form: Mapping[str, str] | None, seconds: float, most: int) -> bytes:
        headers = {}
        if authorization := await self._authorization():
            headers["Authorization"] = authorization
        session = self._session = self._session or self._open()
        try:
            async with session.request(
                method,
                URL(url, encoded=True),
                data=form,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as response:
                body = await _bounded(response, most)
                if response.status != 200:  # noqa: PLR2004 - HTTP
                    raise refusal(response.status, body, response.headers.get("Location", ""))
        except TimeoutError as error:
            raise Unavailable(f"no answer within {seconds:g} s") from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            await self.close()
            raise Unavailable(f"TLS: {_short(error)}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unavailable(_short(error)) from error
        return body

    def _open(self) -> aiohttp.ClientSession:
        # A body is asked for as it is: what is compressed has no size that one could bound before it is unpacked.
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._trust(), limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"loadstar/{__version__}", "Accept-Encoding": "identity"},
        )


async def _bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise Unavailable(f"the answer is larger than {most // 2**20} MiB")
    return bytes(body)


def refusal(status: int, body: bytes, location: str = "") -> ClusterError:
    """The error that a status code stands for, in the words of whoever answered."""
    said = _said(body)
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP
        return Misconfigured(f"redirects to {location[:WORDS] or 'elsewhere'}: name that address instead")
    if status in {401, 403}:
        return Forbidden(f"{status}: {said}")
    if status == 404:  # noqa: PLR2004 - HTTP
        return NotFound(f"404: {said}")
    if status == 429:  # noqa: PLR2004 - HTTP
        return Throttled(f"429: {said}", 1.0)
    return Unavailable(f"{status}: {said}")


def _said(body: bytes) -> str:
    """The message of a Kubernetes Status or the error of Prometheus, else the beginning of the text."""
    answer: Any = None
    with suppress(ValueError):
        answer = orjson.loads(body)
    if isinstance(answer, dict):
        answer = answer.get("message") or answer.get("error")
        if isinstance(answer, str):
            return answer[:WORDS]
    return " ".join(body[:WORDS].decode(errors="replace").split()) or "an empty answer"


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:WORDS]


class Files:
    """Authorities and tokens that the chart mounts into one folder; a policy names them without a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def context(self, tls: Tls, usual: Trust) -> ssl.SSLContext:
        """What to trust. Raises Misconfigured when the file is not there or is none."""
        if not tls.ca_file:
            context = usual()
        else:
            path = self._path(tls.ca_file)
            try:
                context = ssl.create_default_context(cafile=str(path))
            except OSError as error:  # ssl.SSLError is one
                raise Misconfigured(f"{path} is no file with certificates: {_short(error)}") from error
        if tls.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def bearer(self, name: str) -> str | None:
        """The Authorization header with the token in the file `name`, as it is now. Raises Misconfigured."""
        path = self._path(name)
        try:
            token = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{path} is no file with a token: {_short(error)}") from error
        if not token or not token.isprintable():
            raise Misconfigured(f"{path} holds no token: one line of text is")
        return f"Bearer {token}"

    def _path(self, name: str) -> Path:
        if not name or name in {".", ".."} or "/" in name:
            raise Misconfigured(f"{name!r} must be the name of a file, without a path")
        return self._folder / name


async def anonymous() -> str | None:
    """No Authorization header."""
    return None
