"""`loadstar graph TASK`: what it waits for and what waits for it, as a tree; all by the user's own rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import click

from loadstar.api import convert
from loadstar.cli.live import items
from loadstar.cli.session import connected, default_namespace, waiting
from loadstar.core.dependencies import Rule, mark, read_record
from loadstar.core.graph import Graph
from loadstar.core.model import Task
from loadstar.kube.cluster import tasks_path

DEEPEST: Final = 20
LONGEST: Final = 200
"""Levels and lines that are shown; what is left out is counted."""

Tasks = Mapping[str, Task]
Children = Callable[[str], Sequence[str]]


@click.command()
@click.argument("task")
@click.option("-n", "--namespace", default=None, help="Where; the current context's unless said otherwise.")
@waiting
async def graph(task: str, namespace: str | None) -> None:
    """Show what TASK depends on, and what depends on it, each with its state."""
    where = namespace or default_namespace()
    async with connected() as client:
        found = [convert.task(raw) for raw in await items(client, tasks_path(where))]
    tasks = {one.name: one for one in found}
    if task not in tasks:
        raise click.ClickException(f"there is no Task {task} in {where}")
    for line in drawn(task, tasks):
        click.echo(line)


def drawn(name: str, tasks: Tasks) -> list[str]:
    """The two trees of a Task."""
    known = {one.key: one for one in tasks.values()}
    whole = Graph(known.get)
    for one in tasks.values():
        whole.apply(one)

    def told(of: str) -> str:
        return _told(of, tasks, whole)

    dependents: dict[str, list[str]] = {}
    for one in tasks.values():
        for other in one.dependencies:
            dependents.setdefault(other, []).append(one.name)
    lines = [told(name)]
    lines += _tree(name, lambda of: list(tasks[of].dependencies) if of in tasks else [], told, tasks)
    if name in dependents:
        lines.append("waited for by")
        lines += _tree(name, lambda of: sorted(dependents.get(of, ())), told, {})
    return lines


def _told(name: str, tasks: Tasks, whole: Graph) -> str:
    task = tasks.get(name)
    if task is None:
        return f"{name}  not there"
    text = f"{name}  {task.status.state} {task.status.reason}"
    priority = whole.priority(task)
    return text if priority == task.priority else f"{text}, priority {priority} instead of {task.priority}: inherited"


def _tree(root: str, children: Children, told: Callable[[str], str], tasks: Tasks) -> list[str]:
    """The lines below a root; what was shown above is not shown again with all that is below it."""
    lines: list[str] = []
    seen, left = {root}, 0
    for name, parent, lead, deep in _below(root, children, seen):
        if len(lines) >= LONGEST:
            left += 1
            continue
        again = " (above)" if name in seen and children(name) else ""
        cut = " …" if deep and children(name) and not again else ""
        seen.add(name)
        lines.append(f"{lead}{told(name)}{_asked(parent, name, tasks)}{again}{cut}")
    return [*lines, *([f"… {left} more"] if left else [])]


def _below(root: str, children: Children, seen: set[str]) -> Iterator[tuple[str, str, str, bool]]:
    """All that is below, line by line: name, parent, what leads the line, whether nothing below it is shown."""
    work = [(root, "", 0, iter(list(enumerate(children(root)))))]
    while work:
        parent, lead, depth, rest = work[-1]
        at, name = next(rest, (-1, ""))
        if at < 0:
            work.pop()
            continue
        last = at == len(children(parent)) - 1
        deep, known = depth + 1 >= DEEPEST, name in seen
        yield name, parent, f"{lead}{'└─ ' if last else '├─ '}", deep
        if not deep and not known:
            work.append((name, f"{lead}{'   ' if last else '│  '}", depth + 1, iter(list(enumerate(children(name))))))


def _asked(parent: str, name: str, tasks: Tasks) -> str:
    """How the dependency must end where that is not as usual, and whether the Task of that name is another one now."""
    task = tasks.get(parent)
    if task is None:
        return ""
    rule = task.dependencies[name]
    told = "" if rule is Rule.SUCCESS else ", must end in FAILED" if rule is Rule.FAILURE else ", may end either way"
    cells = dict(zip(task.dependencies, read_record(task.status.resolved), strict=False))
    which, _ = cells.get(name, (None, False))
    other = tasks.get(name)
    if which is not None and (other is None or mark(other.uid) != which):
        told += ", was another Task, which is gone"
    return told
