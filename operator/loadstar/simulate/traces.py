"""A user's own trace and nodes, from CSV: every row that is wrong is told by its line, all of them at once.

Amounts are Kubernetes quantities ("250m", "1.5", "512Mi"); times are seconds.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from random import Random
from typing import Final, TypeVar

from loadstar.core.quantity import CPU, MEMORY, parse
from loadstar.simulate.job import Job
from loadstar.simulate.shape import Burden, Host

T = TypeVar("T")

SHOWN: Final = 20
"""Of so many rows it is said what is wrong; of the rest their number."""
GIB: Final = 2**30
LEAST_DELAY: Final = 1.5
MOST_DELAY: Final = 5.0


@dataclass(frozen=True, slots=True)
class Column:
    """What may stand in it, in words, and how it is read. `default` None: there must be something."""

    words: str
    read: Callable[[str], float]
    default: float | None = None


class TraceError(ValueError):
    """A file that is no trace; the message says by line what is wrong and what is allowed."""


def number(least: float, most: float = 1e12) -> Callable[[str], float]:
    """Reads a plain number between these."""

    def read(text: str) -> float:
        value = float(text)
        if not isfinite(value) or not least <= value <= most:
            raise ValueError(text)
        return value

    return read


def quantity(least: float, most: float) -> Callable[[str], float]:
    """Reads a Kubernetes quantity between these."""

    def read(text: str) -> float:
        value = float(parse(text))
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return read


_CPU: Final = quantity(0.001, 10_000)
_BYTES: Final = quantity(1, 2.0**50)
TASKS: Final[Mapping[str, Column]] = {
    "arrival": Column("seconds, 0 or more", number(0)),
    "seconds": Column("how long it runs when nothing contends, 0.1 or more", number(0.1)),
    "cpu": Column("what it uses, such as 250m or 1.5, 1m to 10k", _CPU),
    "memory": Column("what it uses, such as 512Mi, up to 1Pi", _BYTES, 200 * 2**20),
    "io": Column("the share of an ordinary disk's time that it takes, 0 to 100", number(0, 100), 0.0),
    "request_cpu": Column("what it requests, such as 250m, 0 to 10k; as cpu when empty", quantity(0, 10_000), -1),
    "request_memory": Column(
        "what it requests, such as 512Mi, up to 1Pi; as memory when empty", quantity(0, 2.0**50), -1
    ),
    "start": Column("seconds until its container runs, 0 to 3600; 1.5 to 5 by chance when empty", number(0, 3600), -1),
}
"""Of a Task. Beside these `class`, any text: Tasks with one worker template."""
NODES: Final[Mapping[str, Column]] = {
    "cpu": Column("allocatable, such as 7800m or 8, 1m to 10k", _CPU),
    "memory": Column("allocatable, such as 30Gi, up to 1Pi", _BYTES),
    "io": Column("what it can do of an ordinary disk's, more than 0, up to 1000", number(0.001, 1000), 1.0),
    "others_cpu": Column("what others use, such as 500m, 0 to 10k", quantity(0, 10_000), 0.0),
    "others_memory": Column("what others use, such as 2Gi, up to 1Pi", quantity(0, 2.0**50), 0.0),
    "others_request_cpu": Column("what others request; as others_cpu when empty", quantity(0, 10_000), -1),
    "others_request_memory": Column("what others request; as others_memory when empty", quantity(0, 2.0**50), -1),
}
"""Of a node. Beside these `name`, which is its own."""
LOADS: Final[Mapping[str, Column]] = {
    "time": Column("seconds, 0 or more", number(0)),
    "cpu": Column("what others use, such as 500m, 0 to 10k", quantity(0, 10_000)),
    "memory": Column("what others use, such as 2Gi, up to 1Pi", quantity(0, 2.0**50), 0.0),
    "io": Column("what others do of an ordinary disk's, 0 to 1000", number(0, 1000), 0.0),
}
"""Of what others use from a time on. Beside these `node`, the name of one."""


def tasks(lines: Iterable[str], name: str, seed: int) -> tuple[Job, ...]:
    """The Tasks of a file, by arrival. `seed` decides how long containers take to start where it does not say."""
    dice = Random(f"starts {seed}")
    found = []
    for _, text, row in _rows(lines, name, TASKS, "class"):
        cpu, memory = row["cpu"], row["memory"]
        asked_cpu = row["request_cpu"] if row["request_cpu"] >= 0 else cpu
        asked_memory = row["request_memory"] if row["request_memory"] >= 0 else memory
        declared = {
            key: value for key, value in ((CPU, round(asked_cpu * 1000)), (MEMORY, round(asked_memory))) if value
        }
        delay = row["start"] if row["start"] >= 0 else dice.uniform(LEAST_DELAY, MOST_DELAY)
        found.append(Job(0, row["arrival"], row["seconds"], cpu, memory, row["io"], text or "default", declared, delay))
    found.sort(key=lambda job: job.arrival)
    return tuple(replace(job, number=place) for place, job in enumerate(found))


def nodes(lines: Iterable[str], name: str) -> tuple[Host, ...]:
    """The nodes of a file. Raises TraceError also where two have one name."""
    found: dict[str, Host] = {}
    wrong = []
    for line, text, row in _rows(lines, name, NODES, "name"):
        if not text or text in found:
            wrong.append(f"line {line}: name is {text!r}: must be there, and no other node's")
            continue
        cpu, memory = row["others_cpu"], row["others_memory"]
        asked_cpu = row["others_request_cpu"] if row["others_request_cpu"] >= 0 else cpu
        asked_memory = row["others_request_memory"] if row["others_request_memory"] >= 0 else memory
        requested = {CPU: round(asked_cpu * 1000), MEMORY: round(asked_memory)}
        burdens = (Burden(0.0, cpu, memory),) if cpu or memory else ()
        found[text] = Host(text, row["cpu"], row["memory"], row["io"], requested, burdens)
    _refuse(name, wrong)
    return tuple(found.values())


def loads(lines: Iterable[str], name: str, hosts: Iterable[Host]) -> tuple[Host, ...]:
    """The nodes with what a file says that others use of them as time passes; what is not in it stays as it was."""
    known = {host.name: host for host in hosts}
    found: dict[str, list[Burden]] = {}
    wrong = []
    for line, text, row in _rows(lines, name, LOADS, "node"):
        if text not in known:
            wrong.append(f"line {line}: node is {text!r}: must be the name of a node, such as {next(iter(known))}")
            continue
        found.setdefault(text, []).append(Burden(row["time"], row["cpu"], row["memory"], row["io"]))
    _refuse(name, wrong)
    for host, burdens in found.items():
        known[host] = replace(known[host], burdens=tuple(sorted(burdens, key=lambda burden: burden.since)))
    return tuple(known.values())


def _rows(
    lines: Iterable[str], name: str, columns: Mapping[str, Column], label: str
) -> list[tuple[int, str, dict[str, float]]]:
    """Line, label and values of each row."""
    reader = csv.DictReader(lines, skipinitialspace=True)
    try:
        heads = [head.strip() for head in reader.fieldnames or ()]
    except csv.Error as error:
        raise TraceError(f"{name}, line 1: {error}") from error
    reader.fieldnames = heads
    needed = [key for key, column in columns.items() if column.default is None]
    missing, strange = [key for key in needed if key not in heads], sorted(set(heads) - {label, *columns})
    if missing or strange:
        said = [f"lacks the columns {', '.join(missing)}"] if missing else []
        said += [f"has columns that mean nothing: {', '.join(strange)}"] if strange else []
        raise TraceError(f"{name} {' and '.join(said)}; columns: {label}, {', '.join(columns)}")
    found, wrong = [], []
    for row in _readable(reader, name):
        values: dict[str, float] = {}
        faults = ["more values than columns"] if None in row else []
        for key, column in columns.items():
            text = (row.get(key) or "").strip()
            if not text and column.default is not None:
                values[key] = column.default
                continue
            try:
                values[key] = column.read(text)
            except ValueError:
                faults.append(f"{key} is {text[:40]!r}: must be {column.words}")
        if faults:
            wrong.append(f"line {reader.line_num}: {'; '.join(faults)}")
        else:
            found.append((reader.line_num, (row.get(label) or "").strip(), values))
    _refuse(name, wrong)
    if not found:
        raise TraceError(f"{name} has no rows")
    return found


def _readable(reader: csv.DictReader[str], name: str) -> Iterator[dict[str, str]]:
    """The rows, up to one that is no CSV: what comes after it cannot be told."""
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise TraceError(f"{name}, after line {reader.line_num}: {error}") from error
        if row is None:
            return
        yield row


def _refuse(name: str, wrong: list[str]) -> None:
    if wrong:
        more = [f"and {len(wrong) - SHOWN} more lines"] if len(wrong) > SHOWN else []
        raise TraceError("\n  ".join([f"{name}: {len(wrong)} bad rows", *wrong[:SHOWN], *more]))
