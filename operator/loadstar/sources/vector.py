"""An instant vector of Prometheus, and which node each of its series is of. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from loadstar.core.coverage import names
from loadstar.core.model import Node

SHOWN_LABELS: Final = 4
SHOWN_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels, and the value at the time of the query; the value may be NaN."""

    labels: Mapping[str, str]
    time: float
    value: float


def parse(body: bytes) -> list[Series]:
    """The series of an answer to /api/v1/query. Raises ValueError with what is wrong in words."""
    try:
        answer = orjson.loads(body)
    except ValueError as error:
        raise ValueError("the answer is no JSON: is this Prometheus' address?") from error
    if not isinstance(answer, dict) or answer.get("status") != "success":
        said = answer.get("error") if isinstance(answer, dict) else None
        raise ValueError(f"is refused: {str(said)[:200]}")
    data = answer.get("data")
    if not isinstance(data, dict) or data.get("resultType") != "vector" or not isinstance(data.get("result"), list):
        kind = data.get("resultType") if isinstance(data, dict) else None
        raise ValueError(f"returns a {str(kind)[:32]}; it must return an instant vector, one series a node")
    return [series for raw in data["result"] if (series := _series(raw))]


def _series(raw: Any) -> Series | None:
    try:
        labels = {str(name): str(value) for name, value in raw["metric"].items()}
        time, value = raw["value"]
        return Series(labels, float(time), float(value))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


class Names:
    """Which node a label's value names: by name, else by an address of it, either with or without a port."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._known: dict[str, str | None] = {}
        listed = list(nodes)
        for node in listed:
            for address in node.addresses:
                # What two nodes call themselves names neither.
                other = self._known.get(address, node.name)
                self._known[address] = node.name if other == node.name else None
        self._known.update({node.name: node.name for node in listed})

    def find(self, value: str) -> str | None:
        """The node's name."""
        if value in self._known:
            return self._known[value]
        host, colon, port = value.rpartition(":")
        return self._known.get(host.strip("[]")) if colon and port.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The series of a query by node, and those that name no node."""

    by_node: Mapping[str, list[Series]]
    strangers: list[Series]


def assign(found: Iterable[Series], known: Names, labels: Collection[str]) -> Assigned:
    """Sort series by the node that the first of these labels to name one names."""
    by_node: dict[str, list[Series]] = {}
    strangers: list[Series] = []
    for series in found:
        candidates = (known.find(series.labels[label]) for label in labels if label in series.labels)
        node = next((name for name in candidates if name is not None), None)
        if node is None:
            strangers.append(series)
        else:
            by_node.setdefault(node, []).append(series)
    return Assigned(by_node, strangers)


def mismatch(assigned: Assigned, used: Collection[str], ready: Collection[str], labels: Collection[str]) -> str:
    """What keeps a query from one usable sample for each Ready node; empty when nothing does.

    `used`: the nodes of which its one series gave a sample.
    """
    several = {node for node in ready if len(assigned.by_node.get(node, ())) > 1}
    nothing = {node for node in ready if node not in assigned.by_node}
    unusable = set(ready) - set(used) - several - nothing
    if not (several or nothing or unusable):
        return ""
    parts = [f"one sample each for {len(set(used) & set(ready))} of {len(ready)} Ready nodes"]
    if nothing:
        parts.append(f"none for {names(nothing)}")
    if several:
        first = min(several)
        parts.append(f"several for {names(several)}, such as {shown(assigned.by_node[first][1])}")
    if unusable:
        parts.append(f"a value that cannot be for {names(unusable)}")
    if nothing and assigned.strangers:
        text = f"{len(assigned.strangers)} series name no node by {' or '.join(labels)}"
        parts.append(f"{text}, such as {shown(assigned.strangers[0])}")
    return ", ".join(parts)


def shown(series: Series) -> str:
    """Some labels of a series, as Prometheus writes them."""
    pairs = sorted(series.labels.items())
    text = ", ".join(f'{name}="{value}"' for name, value in pairs[:SHOWN_LABELS])
    return f"{{{text}{', …' if len(pairs) > SHOWN_LABELS else ''}}}"[:SHOWN_CHARACTERS]
