"""Requests with bounds, against a real server on this machine."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from loadstar.core.metering import Tls
from loadstar.runtime.ports import ClusterError, Forbidden, Misconfigured, NotFound, Throttled, Unavailable
from loadstar.sources.fetcher import Fetcher, Files, anonymous, refusal


async def handle(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/slow":
            await asyncio.sleep(0.5)
        case "/endless":
            stream = web.StreamResponse()
            await stream.prepare(request)
            for _ in range(10_000):
                await stream.write(b"x" * 2**16)
            return stream
        case "/elsewhere":
            raise web.HTTPFound("http://example.invalid/login")
        case "/form":
            return web.Response(text=str(dict(await request.post())))
    return web.Response(text=f"{request.path_qs} {request.headers.get('Authorization')}")


@pytest.fixture
async def server() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async def token() -> str:
        return "Bearer t"

    fetcher = Fetcher(ssl.create_default_context, token, 2)
    yield fetcher
    await fetcher.close()


async def test_paths_and_tokens_go_as_they_are(server: str, fetcher: Fetcher) -> None:
    """A quoted path is not quoted again; the token is asked for at each request."""
    assert await fetcher.get(f"{server}/a%2Fb?x=1", seconds=5, most=100) == b"/a%2Fb?x=1 Bearer t"
    assert await fetcher.post(f"{server}/form", {"query": "a b"}, seconds=5, most=100) == b"{'query': 'a b'}"


async def test_answers_are_bounded(server: str, fetcher: Fetcher) -> None:
    """An answer without end is dropped at its largest size, one that does not come at its time."""
    with pytest.raises(Unavailable, match="larger than 1 MiB"):
        await fetcher.get(f"{server}/endless", seconds=5, most=2**20)
    with pytest.raises(Unavailable, match=r"no answer within 0\.1 s"):
        await fetcher.get(f"{server}/slow", seconds=0.1, most=100)


async def test_nobody_leads_us_elsewhere(server: str, fetcher: Fetcher) -> None:
    """A redirect is not followed: the token was meant for the address that was named."""
    with pytest.raises(Misconfigured, match=r"redirects to http://example\.invalid/login"):
        await fetcher.get(f"{server}/elsewhere", seconds=5, most=100)


async def test_nobody_there_is_no_answer(fetcher: Fetcher) -> None:
    """A refused connection is an answer of ours, not an exception of a library."""
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        await fetcher.get("http://127.0.0.1:1/", seconds=5, most=100)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, b"Unauthorized", Forbidden, "401: Unauthorized"),
        (403, b'{"kind": "Status", "message": "nodes is forbidden"}', Forbidden, "403: nodes is forbidden"),
        (404, b"", NotFound, "404: an empty answer"),
        (429, b"slow down", Throttled, "429: slow down"),
        (422, b'{"status": "error", "error": "bad query"}', Unavailable, "422: bad query"),
        (502, b"<html>\n" + b"x" * 1000, Unavailable, "502: <html> x"),
    ],
)
def test_refusals_speak(status: int, body: bytes, kind: type[ClusterError], words: str) -> None:
    """In the words of the API server, of Prometheus, or the beginning of whatever it is; never at length."""
    error = refusal(status, body)
    assert type(error) is kind
    assert str(error).startswith(words)
    assert len(str(error)) < 400


def test_authorities_come_from_files(tmp_path: Path) -> None:
    """A file that is not there or is none is said; a policy's file is always in the one folder."""
    files = Files(tmp_path)
    (tmp_path / "bad.crt").write_text("nonsense")
    for name in ("absent.crt", "bad.crt"):
        with pytest.raises(Misconfigured, match=f"{name} is no file with certificates"):
            files.context(Tls(name), ssl.create_default_context)
    for name in ("../x", "a/b", ".."):
        with pytest.raises(Misconfigured, match="without a path"):
            files.context(Tls(name), ssl.create_default_context)


@pytest.fixture
def authorities(tmp_path: Path) -> Path:
    """A folder with ca.crt, that of the secure server, and other.crt; the key of each beside it."""
    for name in ("ca", "other"):
        files = ["-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.crt")]
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}"]
        names = ["-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(["openssl", "req", "-x509", *kind, *names, *files], check=True, capture_output=True)
    return tmp_path


@pytest.fixture
async def secure(authorities: Path) -> AsyncIterator[str]:
    """A server whose certificate is its own authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authorities / "ca.crt", authorities / "ca.key")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}/x"
    await runner.cleanup()


async def test_only_who_is_trusted_gets_a_token(secure: str, authorities: Path) -> None:
    """Nobody whom the system does not know; with a file its holder alone; with `insecure` anybody."""
    files = Files(authorities)
    (authorities / "token").write_text("t")

    async def get(tls: Tls) -> bytes:
        fetcher = Fetcher(
            partial(files.context, tls, ssl.create_default_context), partial(files.bearer, "token"), connections=1
        )
        try:
            return await fetcher.get(secure, seconds=5, most=100)
        finally:
            await fetcher.close()

    for tls in (Tls(), Tls("other.crt")):
        with pytest.raises(Unavailable, match=r"TLS: .*certificate verify failed"):
            await get(tls)
    assert await get(Tls("ca.crt")) == b"/x Bearer t"
    assert await get(Tls(insecure=True)) == b"/x Bearer t"


async def test_an_authority_that_changes_is_read_anew(secure: str, authorities: Path) -> None:
    """After a failure of TLS the file is looked at again: a rotated authority needs no restart."""
    files = Files(authorities)
    fetcher = Fetcher(partial(files.context, Tls("other.crt"), ssl.create_default_context), anonymous, 1)
    with pytest.raises(Unavailable, match="TLS"):
        await fetcher.get(secure, seconds=5, most=100)
    (authorities / "ca.crt").rename(authorities / "other.crt")
    assert await fetcher.get(secure, seconds=5, most=100) == b"/x None"
    await fetcher.close()


def test_insecure_trusts_anybody() -> None:
    """Only when it is said."""
    files = Files(Path("/nowhere"))
    assert files.context(Tls(insecure=True), ssl.create_default_context).verify_mode is ssl.CERT_NONE
    assert files.context(Tls(), ssl.create_default_context).verify_mode is ssl.CERT_REQUIRED


async def test_a_token_is_read_each_time(tmp_path: Path) -> None:
    """A mounted token changes; a file without one is said, never sent."""
    files = Files(tmp_path)
    for text in ("one\n", "two"):
        (tmp_path / "token").write_text(text)
        assert await files.bearer("token") == f"Bearer {text.strip()}"
    for text in ("", "a\nb: c"):
        (tmp_path / "token").write_text(text)
        with pytest.raises(Misconfigured, match="holds no token"):
            await files.bearer("token")
    with pytest.raises(Misconfigured, match="absent is no file with a token"):
        await files.bearer("absent")
    assert await anonymous() is None
