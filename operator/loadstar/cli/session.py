"""The user's own connection to the API server: every command sees and does what its user may, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec

import click
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config import list_kube_config_contexts as untyped_contexts

from loadstar.kube.client import Client
from loadstar.kube.credentials import Credentials
from loadstar.runtime.ports import ClusterError

Arguments = ParamSpec("Arguments")
list_contexts: Any = untyped_contexts


@asynccontextmanager
async def connected() -> AsyncIterator[Client]:
    """A client with the user's kubeconfig. Raises ClickException when there is none."""
    try:
        client = Client(await Credentials.load())
    except (ConfigException, OSError) as error:
        raise click.ClickException(f"no cluster to speak to: {error}; set KUBECONFIG") from error
    try:
        yield client
    finally:
        await client.close()


def waiting(command: Callable[Arguments, Awaitable[None]]) -> Callable[Arguments, None]:
    """Run a coroutine as a command; a refusal of the API server is a message, not a traceback."""

    @wraps(command)
    def run(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        async def main() -> None:
            await command(*arguments, **options)

        try:
            asyncio.run(main())
        except ClusterError as error:
            raise click.ClickException(str(error)) from error

    return run


def default_namespace() -> str:
    """The namespace of the current context, else default."""
    try:
        _, active = list_contexts()
    except (ConfigException, OSError):
        return "default"
    return str((active.get("context") or {}).get("namespace") or "default")
