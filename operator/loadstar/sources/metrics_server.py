"""Node load from metrics.k8s.io, which metrics-server and others serve.

It has CPU (the mean over a window) and memory (an instant), with the time of the sample, and no I/O at all: that is
unknown here, never zero. A node that is absent from the answer has no sample.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from loadstar.api.times import parse_time
from loadstar.core.coverage import Verdict, names
from loadstar.core.model import Load, Node
from loadstar.core.quantity import parse
from loadstar.runtime.ports import NotFound, Take, Unavailable
from loadstar.sources.fetcher import Web
from loadstar.sources.samples import sample

PATH: Final = "/apis/metrics.k8s.io/v1beta1/nodes"
NAME: Final = "metrics-server"
SECONDS: Final = 10.0
MOST: Final = 32 * 2**20
DEFAULT_WINDOW: Final = 30.0

_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|us|µs|ns|m|s)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class MetricsServer:
    """A `LoadSource`."""

    pause = 0.0

    def __init__(self, server: str, web: Web) -> None:
        """`server`: the API server, such as https://10.96.0.1."""
        self._url = server + PATH
        self._web = web
        self._read: dict[str, str] = {}

    async def read(self, nodes: Mapping[str, Node], take: Take) -> Verdict:
        """Take what is new since the last reading."""
        try:
            body = await self._web.get(self._url, seconds=SECONDS, most=MOST)
        except NotFound as error:
            raise NotFound("the cluster does not serve metrics.k8s.io: install metrics-server") from error
        # Of thousands of nodes that takes a while: the event loop goes on meanwhile.
        loads, found = await asyncio.to_thread(self._samples, body)
        await take(loads)
        missing = nodes.keys() - found
        if missing:
            measured = f"{len(nodes) - len(missing)} of {len(nodes)} Ready nodes"
            return Verdict(False, "NodesMissing", f"metrics.k8s.io has {measured}, not {names(missing)}")
        return Verdict(True, "Measured", "metrics.k8s.io has a sample of every Ready node")

    async def close(self) -> None:
        """Close the connections."""
        await self._web.close()

    def _samples(self, body: bytes) -> tuple[dict[str, Load], set[str]]:
        """What is new by node, and the nodes that were measured. Raises Unavailable."""
        found: set[str] = set()
        loads = dict(pair for item in items(body) if (pair := self._sample(item, found)))
        self._read = {name: moment for name, moment in self._read.items() if name in found}
        return loads, found

    def _sample(self, item: Any, found: set[str]) -> tuple[str, Load] | None:
        """One node's new sample, or None when it is not one: a payload of somebody else's must not stop the rest."""
        try:
            name, moment = str(item["metadata"]["name"]), str(item["timestamp"])
            usage, timestamp = item["usage"], parse_time(moment)
            window = duration(item.get("window"))
            if timestamp is None:
                return None
            cpu = sample("cpu", float(parse(usage["cpu"])), timestamp, window, NAME)
            memory = sample("memory", float(parse(usage["memory"])), timestamp, 0, NAME)
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        if cpu is None or memory is None:
            return None
        found.add(name)
        if self._read.get(name) == moment:
            return None
        self._read[name] = moment
        return name, Load(cpu, memory, None)


def items(body: bytes) -> list[Any]:
    """The list in a NodeMetricsList. Raises Unavailable when it is none."""
    try:
        answer = orjson.loads(body)
    except ValueError as error:
        raise Unavailable("metrics.k8s.io answered without JSON") from error
    found = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise Unavailable("metrics.k8s.io answered without a list of nodes")
    return found


def duration(text: object) -> float:
    """Seconds of a Go duration such as "15.062s" or "1m0s"; anything else counts as the usual window."""
    parts = _PART.findall(str(text or "")[:64])
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else DEFAULT_WINDOW
