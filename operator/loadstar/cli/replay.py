"""`loadstar replay FILE`: every decision of a decision log made again, from what it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import click

from loadstar.api.decisions import RecordError, read
from loadstar.api.times import format_time
from loadstar.core.decision import Placed
from loadstar.core.record import Record, difference, replay


@click.command("replay")
@click.argument("file", type=click.File("rb"))
@click.option("--task", default=None, metavar="NS/NAME", help="Only the decisions about this Task.")
def replay_log(file: BinaryIO, task: str | None) -> None:
    """Make the decisions of FILE ("-": standard input) again; exit with 1 when an answer is not the same."""
    count = other = 0
    for record in records(file, file.name):
        if task is not None and "/".join(record.task) != task:
            continue
        count += 1
        changed = difference(record, replay(record))
        other += bool(changed)
        click.echo(told(record, changed))
    if not count:
        raise click.ClickException(f"{file.name} has no decision about {task}" if task else f"{file.name} is empty")
    click.echo(f"{count} decisions: {count - other} the same, {other} not")
    if other:
        raise SystemExit(1)


def records(lines: BinaryIO, name: str) -> Iterator[Record]:
    """Every record of a file. Raises ClickException with the number of a line that is none."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield read(line)
            except RecordError as error:
                raise click.ClickException(f"{name}, line {number}: {error}") from error


def told(record: Record, changed: str) -> str:
    """The line about one decision."""
    decision = record.decision
    answer = (decision.node or "left to kube-scheduler") if isinstance(decision, Placed) else str(decision.reason)
    of = f"all {record.total} nodes" if record.whole else f"{len(record.nodes)} of {record.total} nodes"
    end = f"not the same: {changed}" if changed else "the same"
    return f"{format_time(record.now)} {'/'.join(record.task)}: {answer}, by {of}: {end}"
