"""`loadstar submit`: Tasks from files, or one from the command line, checked before they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final, TextIO

import click
import yaml
from pydantic import ValidationError

from loadstar.api import API_VERSION, TASK_KIND
from loadstar.api.task import TaskSpec
from loadstar.cli.session import connected, default_namespace, waiting
from loadstar.kube.client import Client
from loadstar.kube.cluster import tasks_path

POLL_SECONDS: Final = 0.5
TERMINAL: Final = {"SUCCESS", "FAILED"}

Json = dict[str, Any]


@click.command()
@click.option(
    "-f", "--file", "files", type=click.File("r"), multiple=True, help="A file of Tasks; - is standard input."
)
@click.option("-n", "--namespace", default=None, help="Where; the current context's unless said otherwise.")
@click.option("--name", default=None, help="Name of the one Task; made up unless said.")
@click.option("--image", default=None, help="Image of the one Task.")
@click.option("--cpu", default=None, help="CPU to request, such as 250m.")
@click.option("--memory", default=None, help="Memory to request, such as 128Mi.")
@click.option("--priority", type=click.IntRange(0, 1000), default=None, help="0 to 1000; higher is placed first.")
@click.option("--wait", is_flag=True, help="Wait for the end; the exit code is 1 unless all succeed.")
@click.argument("command", nargs=-1)
@waiting
async def submit(
    files: tuple[TextIO, ...],
    namespace: str | None,
    name: str | None,
    image: str | None,
    cpu: str | None,
    memory: str | None,
    priority: int | None,
    wait: bool,
    command: tuple[str, ...],
) -> None:
    """Create Tasks from files, or one that runs COMMAND in --image."""
    documents = list(_from_files(files))
    if image:
        documents.append(_from_options(name, image, list(command), cpu, memory, priority))
    if not documents:
        raise click.UsageError("say what to run: -f FILE, or --image IMAGE -- COMMAND")
    for document in documents:
        _check(document)
    async with connected() as client:
        made = [await _create(client, document, namespace or default_namespace()) for document in documents]
        if wait and not all([await _end(client, *key) for key in made]):
            raise SystemExit(1)


def _from_files(files: tuple[TextIO, ...]) -> Iterator[Json]:
    for file in files:
        try:
            found = [document for document in yaml.safe_load_all(file) if document]
        except yaml.YAMLError as error:
            raise click.ClickException(f"{file.name} is no YAML: {error}") from error
        for document in found:
            if not isinstance(document, dict) or document.get("kind") != TASK_KIND:
                raise click.ClickException(f"{file.name} must hold only objects of kind {TASK_KIND} ({API_VERSION})")
            yield document


def _from_options(
    name: str | None, image: str, command: list[str], cpu: str | None, memory: str | None, priority: int | None
) -> Json:
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    worker: Json = {"image": image}
    if command:
        worker["command"] = command
    if requests:
        worker["resources"] = {"requests": requests}
    spec: Json = {"worker": worker}
    if priority is not None:
        spec["priority"] = priority
    metadata = {"name": name} if name else {"generateName": "task-"}
    return {"apiVersion": API_VERSION, "kind": TASK_KIND, "metadata": metadata, "spec": spec}


def _check(document: Json) -> None:
    try:
        TaskSpec.model_validate(document.get("spec") or {})
    except ValidationError as error:
        name = (document.get("metadata") or {}).get("name", "?")
        faults = "; ".join(f"spec.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise click.ClickException(f"Task {name}: {faults}") from error


async def _create(client: Client, document: Json, namespace: str) -> tuple[str, str]:
    where = (document.get("metadata") or {}).get("namespace") or namespace
    made = await client.request("POST", tasks_path(where), document)
    name = made["metadata"]["name"]
    click.echo(f"{where}/{name} created")
    return where, name


async def _end(client: Client, namespace: str, name: str) -> bool:
    """Wait for the Task's end and say it; True for SUCCESS."""
    said = ""
    while True:
        status = (await client.get(tasks_path(namespace, name))).get("status") or {}
        line = f"{namespace}/{name} {status.get('state')} {status.get('reason')}"
        if line != said:
            click.echo(line)
            said = line
        if status.get("state") in TERMINAL:
            return bool(status["state"] == "SUCCESS")
        await asyncio.sleep(POLL_SECONDS)
