"""What Pods of Tasks use, by the counters of a kubelet's /metrics/cadvisor: CPU since the start, the highest memory.

The last values before a container's end say nearly all of its run, so even runs of half a minute are known. Only the
nodes are asked on which such Pods run, and of the many lines only those of containers named as ours are looked at, or
of whole Pods where a kubelet has no other.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Iterator, Mapping
from typing import Final

from loadstar.api import CONTAINER
from loadstar.core.classes import Use
from loadstar.core.metering import KubeletReading
from loadstar.core.model import Node
from loadstar.runtime.ports import ClusterError, Unavailable
from loadstar.runtime.store import Key
from loadstar.sources.kubelet import CADVISOR, MOST_CADVISOR, Kubelets
from loadstar.sources.samples import LARGEST
from loadstar.sources.summary import LEAST_WINDOW, Counter

CPU: Final = b"container_cpu_usage_seconds_total"
PEAK: Final = b"container_memory_max_usage_bytes"
WORKING: Final = b"container_memory_working_set_bytes"
"""Where the kernel keeps no highest value, the highest of these is what is known."""
_LINE: Final = re.compile(
    rb"^\w+\{([^\n]*\bcontainer=\"(?:" + CONTAINER.encode() + rb")?\"[^\n]*)\} (\S+) (\d{10,16})$", re.MULTILINE
)
_LABEL: Final = re.compile(rb'\b(container|name|namespace|pod)="([-a-z0-9.]{0,253})"')

log = logging.getLogger(__name__)


class Containers:
    """A `UseSource`."""

    name = "kubelet, Pods"

    def __init__(self, kubelets: Kubelets, settings: KubeletReading) -> None:
        self._kubelets = kubelets
        self._settings = settings
        self._counters: dict[Key, Counter] = {}

    async def read(self, nodes: Mapping[str, Node]) -> Mapping[Key, Use]:
        """Ask the kubelets of these nodes for what is new. Raises Unavailable when none answers."""
        gate = asyncio.Semaphore(self._settings.concurrency)
        found: dict[Key, Use] = {}
        there: set[Key] = set()
        failed: dict[str, str] = {}
        seconds = self._settings.timeout_seconds

        async def ask(node: Node) -> None:
            async with gate:
                try:
                    async with asyncio.timeout(seconds):
                        body = await self._kubelets.get(node, CADVISOR, seconds=seconds, most=MOST_CADVISOR)
                except (ClusterError, TimeoutError) as error:
                    failed[node.name] = str(error)[:200] or f"no answer within {seconds:g} s"
                    return
                found.update(self._read(body, there))

        async with asyncio.TaskGroup() as group:
            for node in nodes.values():
                group.create_task(ask(node))
        if failed:
            name, why = next(iter(failed.items()))
            if len(failed) == len(nodes):
                raise Unavailable(f"no kubelet tells what Pods use; {name}: {why}")
            log.debug("%d of %d kubelets do not tell what Pods use; %s: %s", len(failed), len(nodes), name, why)
        self._counters = {key: counter for key, counter in self._counters.items() if key in there}
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._kubelets.close()

    def _read(self, body: bytes, there: set[Key]) -> Iterator[tuple[Key, Use]]:
        """What is new in an answer; `there` gets all that are in it."""
        seconds = figures(body, CPU, LARGEST["cpu"] * 1e9)
        peaks, working = (figures(body, family, LARGEST["memory"]) for family in (PEAK, WORKING))
        for key, (time, used) in seconds.items():
            there.add(key)
            counter = self._counters.setdefault(key, Counter(LEAST_WINDOW))
            if counter.points and counter.points[-1][0] == time:
                continue
            rate = counter.add(time, used)
            memory, peak = working.get(key), peaks.get(key)
            yield (
                key,
                Use(
                    cpu=rate[0] * 1000 if rate is not None else None,
                    memory=memory[1] if memory else None,
                    io=None,
                    timestamp=time,
                    window=rate[1] if rate is not None else 0.0,
                    cpu_seconds=used,
                    peak=peak[1] if peak and peak[1] > 0 else None,
                    counted=time,
                ),
            )


def figures(body: bytes, family: bytes, most: float) -> dict[Key, tuple[float, float]]:
    """By namespace and name of the Pod the time and the value of this family: its container's, else the whole Pod's."""
    containers: dict[Key, tuple[float, float]] = {}
    pods: dict[Key, tuple[float, float]] = {}
    begin = body.find(b"\n" + family + b"{")
    if begin < 0:
        return containers
    end = body.find(b"\n#", begin)
    for line in _LINE.finditer(body, begin + 1, len(body) if end < 0 else end):
        labels = dict(_LABEL.findall(line[1]))
        whole = not labels.get(b"container")
        # A sandbox has a name and is no container of ours; the root and the slices have no Pod.
        if not labels.get(b"namespace") or not labels.get(b"pod") or (whole and labels.get(b"name")):
            continue
        try:
            value, time = float(line[2]), int(line[3]) / 1000
        except ValueError:
            continue
        key = labels[b"namespace"].decode(), labels[b"pod"].decode()
        found = pods if whole else containers
        if math.isfinite(value) and 0 <= value <= most and (key not in found or found[key][0] < time):
            found[key] = time, value
    return {**pods, **containers}
