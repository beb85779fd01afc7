"""`loadstar retry TASK`: a Task that has ended, once more as a new one. The old one stays as the record that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count, islice
from typing import Any, Final

import click

from loadstar.api import API_VERSION, GROUP, TASK_KIND
from loadstar.cli.session import connected, default_namespace, waiting
from loadstar.core.states import State
from loadstar.kube.client import Client
from loadstar.kube.cluster import tasks_path
from loadstar.runtime.ports import AlreadyExists

ORIGIN_ANNOTATION: Final = f"{GROUP}/retry-of"
LEFT_OUT: Final = ("cancel", "suspend")
"""What was asked of the old Task is not asked of the new one."""
LONGEST: Final = 63
TRIES: Final = 100
"""So many names in a row may be taken."""
_NUMBERED: Final = re.compile(r"^(.+)-r([1-9][0-9]{0,5})$")

Json = dict[str, Any]


@click.command()
@click.argument("task")
@click.option("--name", default=None, help="Name of the new Task; TASK-r2, TASK-r3 and so on unless said.")
@click.option("-n", "--namespace", default=None, help="Where; the current context's unless said otherwise.")
@waiting
async def retry(task: str, name: str | None, namespace: str | None) -> None:
    """Create TASK, which has ended, once more: the same spec, under a new name."""
    async with connected() as client:
        old = await client.get(tasks_path(namespace or default_namespace(), task))
        await create(client, old, [name] if name else islice(following(task), TRIES))


async def create(client: Client, old: Json, names: list[str] | Iterator[str]) -> None:
    """Create the copy under the first of these names that is free. Raises ClickException when there is none."""
    where, origin = old["metadata"]["namespace"], old["metadata"]["name"]
    state = State((old.get("status") or {}).get("state") or State.PENDING)
    if not state.terminal:
        raise click.ClickException(
            f"{where}/{origin} is {state}: only a Task that is SUCCESS or FAILED can be made once more; "
            "spec.cancel: true ends one"
        )
    tried = ""
    for tried in names:
        try:
            await client.request("POST", tasks_path(where), copy(old, tried))
        except AlreadyExists:
            continue
        click.echo(f"{where}/{tried} created, a retry of {origin}")
        return
    raise click.ClickException(f"there is a Task {where}/{tried} already: say another --name")


def copy(old: Json, name: str) -> Json:
    """The new Task: the old one's spec and labels, and where it is from."""
    meta = old["metadata"]
    new: Json = {"name": name, "namespace": meta["namespace"], "annotations": {ORIGIN_ANNOTATION: meta["name"]}}
    if meta.get("labels"):
        new["labels"] = meta["labels"]
    spec = {field: value for field, value in old["spec"].items() if field not in LEFT_OUT}
    return {"apiVersion": API_VERSION, "kind": TASK_KIND, "metadata": new, "spec": spec}


def following(name: str) -> Iterator[str]:
    """The names that come after this one: a-r2 after a, a-r3 after a-r2; cut where they would be too long."""
    numbered = _NUMBERED.match(name)
    stem, first = (numbered[1], int(numbered[2]) + 1) if numbered else (name, 2)
    for number in count(first):
        end = f"-r{number}"
        yield stem[: LONGEST - len(end)].rstrip("-") + end
