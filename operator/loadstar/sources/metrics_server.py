"""Node load from metrics.k8s.io, which metrics-server and others serve.

It has CPU (the mean over a window) and memory (an instant), with the time of the sample, and no I/O at all: that is
unknown here, never zero. A node that is absent from the answer has no sample.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from loadstar.api.times import parse_time
from loadstar.core.model import Load, Sample
from loadstar.core.quantity import parse
from loadstar.runtime.ports import ApiReader, Unavailable

PATH: Final = "/apis/metrics.k8s.io/v1beta1/nodes"
DEFAULT_WINDOW: Final = 30.0
LARGEST: Final = 2.0**63
"""No node has so many cores or bytes: a sample that says so is none."""

_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|us|µs|ns|m|s)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class MetricsServer:
    """A `LoadSource`."""

    name = "metrics-server"

    def __init__(self, reader: ApiReader) -> None:
        self._reader = reader
        self._read: dict[str, str] = {}

    async def read(self) -> Mapping[str, Load]:
        """The samples by node that are new since the last reading. Raises a ClusterError without an answer."""
        answer = await self._reader.get(PATH)
        items = answer.get("items")
        if not isinstance(items, list):
            raise Unavailable("metrics.k8s.io answered without a list of nodes")
        return dict(pair for item in items if (pair := self._sample(item)))

    def _sample(self, item: Mapping[str, Any]) -> tuple[str, Load] | None:
        """One node's sample, or None when it is not one: a payload of somebody else's must not stop the rest."""
        try:
            name, moment = str(item["metadata"]["name"]), str(item["timestamp"])
            if self._read.get(name) == moment:
                return None
            self._read[name] = moment
            usage, timestamp = item["usage"], parse_time(moment)
            cpu, memory = float(parse(usage["cpu"])), float(parse(usage["memory"]))
        except (KeyError, TypeError, ValueError):
            return None
        if timestamp is None or not 0 <= cpu < LARGEST or not 0 < memory < LARGEST:
            return None
        window = duration(item.get("window"))
        return name, Load(
            cpu=Sample(cpu, timestamp, window, self.name), memory=Sample(memory, timestamp, 0, self.name), io=None
        )


def duration(text: object) -> float:
    """Seconds of a Go duration such as "15.062s" or "1m0s"; anything else counts as the usual window."""
    parts = _PART.findall(str(text or ""))
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else DEFAULT_WINDOW
