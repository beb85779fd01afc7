"""What our Pods use, from metrics.k8s.io: it teaches what Tasks of a class use of what they request.

CPU is the mean over a window, memory an instant; there is no I/O. A Pod that is absent was not measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from loadstar.api import TASK_UID_LABEL
from loadstar.api.times import parse_time
from loadstar.core.classes import Use
from loadstar.core.model import Node
from loadstar.core.quantity import parse
from loadstar.runtime.ports import ApiReader, Unavailable
from loadstar.runtime.store import Key
from loadstar.sources.metrics_server import duration
from loadstar.sources.samples import LARGEST

PATH: Final = f"/apis/metrics.k8s.io/v1beta1/pods?labelSelector={TASK_UID_LABEL.replace('/', '%2F')}"


class PodUses:
    """A `UseSource`."""

    name = "metrics-server, Pods"

    def __init__(self, reader: ApiReader) -> None:
        self._reader = reader
        self._read: dict[Key, str] = {}

    async def read(self, nodes: Mapping[str, Node]) -> Mapping[Key, Use]:
        """By namespace and name, the measurements that are new since the last reading; of Pods on all nodes, wherever
        they run. Raises a ClusterError.
        """
        del nodes
        answer = await self._reader.get(PATH)
        items = answer.get("items")
        if not isinstance(items, list):
            raise Unavailable("metrics.k8s.io answered without a list of Pods")
        # Of thousands of Pods that takes a while: the event loop goes on meanwhile.
        return await asyncio.to_thread(self._uses, items)

    def _uses(self, items: list[Any]) -> dict[Key, Use]:
        """What is new of these."""
        read: dict[Key, str] = {}
        uses: dict[Key, Use] = {}
        for item in items:
            found = _use(item)
            if found is not None:
                key, moment, use = found
                read[key] = moment
                if self._read.get(key) != moment:
                    uses[key] = use
        self._read = read
        return uses

    async def close(self) -> None:
        """The connection is the API server's."""


def _use(item: Mapping[str, Any]) -> tuple[Key, str, Use] | None:
    """One Pod's use, its containers added up; None when it is not one."""
    try:
        key, moment = (str(item["metadata"]["namespace"]), str(item["metadata"]["name"])), str(item["timestamp"])
        timestamp, usages = parse_time(moment), [container["usage"] for container in item["containers"]]
        cpu = sum(float(parse(usage["cpu"])) for usage in usages) * 1000
        memory = sum(float(parse(usage["memory"])) for usage in usages)
    except (KeyError, TypeError, ValueError):
        return None
    if timestamp is None or not usages or not 0 <= cpu <= LARGEST["cpu"] * 1000 or not 0 < memory <= LARGEST["memory"]:
        return None
    return key, moment, Use(cpu, memory, None, timestamp, duration(item.get("window")))
