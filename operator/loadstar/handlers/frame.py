"""kopf as the operator's frame: settings, login, and its run inside our event loop.

Only `on.event` handlers are used: they cost no finalizer, no annotation and no write. High-level handlers would cost
two to eight writes a Task; the storages below make sure that none of their bookkeeping ever reaches an object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final, cast

import kopf

from loadstar.kube.credentials import Credentials

STREAM_SILENCE_SECONDS: Final = 70.0
RETRY_MAX_SECONDS: Final = 3.0


class _NoDiffBase(kopf.DiffBaseStorage):
    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence


class Backoffs:
    """0.1 s, doubling to 3 s, for ever: an API server that is away must not end the operator."""

    def __iter__(self) -> Iterator[float]:
        """Yield the waits."""
        delay = 0.1
        while True:
            yield delay
            delay = min(RETRY_MAX_SECONDS, delay * 2)


def operator_settings() -> kopf.OperatorSettings:
    """Kopf's settings for watching many objects and writing none."""
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.finalizer = "loadstar.dev/unused"
    settings.queueing.idle_timeout = 1.0
    settings.watching.chunk_size = 500
    settings.watching.inactivity_timeout = STREAM_SILENCE_SECONDS
    settings.networking.error_backoffs = Backoffs()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    return settings


async def connection(credentials: Credentials) -> kopf.ConnectionInfo:
    """What kopf needs to log in; it asks again after a 401, and gets the token of that moment."""
    configuration = credentials.configuration
    scheme, _, token = (await credentials.authorization() or "").partition(" ")
    return kopf.ConnectionInfo(
        server=credentials.server,
        ca_path=configuration.ssl_ca_cert,
        ca_data=configuration.ca_cert_data if not configuration.ssl_ca_cert else None,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )


def register_login(registry: kopf.OperatorRegistry, credentials: Credentials) -> None:
    """Let kopf log in with these credentials."""

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection(credentials)


async def run_frame(registry: kopf.OperatorRegistry, stop: asyncio.Event, ready: asyncio.Event) -> None:
    """Run kopf until `stop` is set; it sets `ready` when it has started, its own signal handlers included."""
    await kopf.operator(
        registry=registry,
        settings=operator_settings(),
        # Peering is off; without an identity kopf would look the user up, who has no name in a container.
        identity=cast("Any", "loadstar"),
        standalone=True,
        clusterwide=True,
        stop_flag=stop,
        ready_flag=ready,
    )
