"""Node load from each kubelet's /stats/summary, through the API server or straight from the node.

CPU is the counter's own growth over the time it tells, memory the working set, I/O the node's PSI; where that is not
live, the bytes that its disks move, as a share of what the policy says they can.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import quote

from loadstar.core.coverage import Verdict, names
from loadstar.core.metering import KubeletReading
from loadstar.core.model import Load, Node, Sample
from loadstar.runtime.ports import ClusterError, Forbidden, Misconfigured, Take, Throttled, Unavailable
from loadstar.sources import cadvisor, summary
from loadstar.sources.fetcher import Web
from loadstar.sources.samples import sample

SUMMARY: Final = "/stats/summary"
LIGHT: Final = "/stats/summary?only_cpu_and_memory=true"
CADVISOR: Final = "/metrics/cadvisor"
REASONS: Final = 4
"""So many different reasons are named in a verdict."""
MOST_SUMMARY: Final = 16 * 2**20
MOST_CADVISOR: Final = 64 * 2**20

log = logging.getLogger(__name__)


class Kubelets(Protocol):
    """The way to the kubelets."""

    async def get(self, node: Node, path: str, *, seconds: float, most: int) -> bytes:
        """What a node's kubelet answers. Raises a ClusterError."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class Proxied:
    """Through the API server: needs `get` on nodes/proxy, which also opens a kubelet's other calls."""

    server: str
    web: Web

    async def get(self, node: Node, path: str, *, seconds: float, most: int) -> bytes:
        """See Kubelets."""
        url = f"{self.server}/api/v1/nodes/{quote(node.name, safe='')}/proxy{path}"
        return await self.web.get(url, seconds=seconds, most=most)

    async def close(self) -> None:
        """See Kubelets."""
        await self.web.close()


@dataclass(frozen=True, slots=True)
class Direct:
    """Straight to the node's InternalIP: needs `get` on nodes/stats, and on nodes/metrics for cAdvisor's counters."""

    web: Web

    async def get(self, node: Node, path: str, *, seconds: float, most: int) -> bytes:
        """See Kubelets."""
        if not node.kubelet:
            raise Misconfigured("the node tells no InternalIP")
        return await self.web.get(f"https://{node.kubelet}{path}", seconds=seconds, most=most)

    async def close(self) -> None:
        """See Kubelets."""
        await self.web.close()


@dataclass(slots=True)
class _Counters:
    """What is kept of one node between two readings."""

    cpu: summary.Counter = field(default_factory=summary.Counter)
    disks: dict[str, summary.Counter] = field(default_factory=dict)


class Kubelet:
    """A `LoadSource`. A kubelet looks at its node every 10 to 15 s: to ask sooner tells nothing."""

    pause = 10.0

    def __init__(self, kubelets: Kubelets, settings: KubeletReading, resources: Collection[str]) -> None:
        self._kubelets = kubelets
        self._settings = settings
        self._wants_io, self._wants_pressure = "io" in resources, "io_pressure" in resources
        self._counters: dict[str, _Counters] = {}

    async def read(self, nodes: Mapping[str, Node], take: Take) -> Verdict:
        """Ask all kubelets, so many at a time; what each says is taken at once."""
        gate = asyncio.Semaphore(self._settings.concurrency)
        failed: dict[str, str] = {}
        blind: dict[str, str] = {}
        for gone in self._counters.keys() - nodes.keys():
            del self._counters[gone]

        async def ask(node: Node) -> None:
            async with gate:
                try:
                    await self._measure(node, take, blind)
                except ClusterError as error:
                    failed[node.name] = _said(error)
                except ValueError as error:
                    failed[node.name] = str(error)[:200]
                except Exception as error:
                    log.exception("a kubelet's answer could not be read", extra={"node": node.name})
                    failed[node.name] = repr(error)[:200]

        async with asyncio.TaskGroup() as group:
            for node in nodes.values():
                group.create_task(ask(node))
        return _verdict(len(nodes), failed, blind)

    async def close(self) -> None:
        """Close the connections."""
        await self._kubelets.close()

    async def _measure(self, node: Node, take: Take, blind: dict[str, str]) -> None:
        """Take what one kubelet says; `blind` gets why its I/O is not known."""
        wants_psi = self._wants_io or self._wants_pressure
        figures = summary.read(await self._get(node, SUMMARY if wants_psi else LIGHT), node.name)
        counters = self._counters.setdefault(node.name, _Counters())
        cpu = None
        if figures.cpu and (rate := counters.cpu.add(*figures.cpu)):
            cpu = sample("cpu", rate[0], figures.cpu[0], rate[1], summary.NAME)
        await take({node.name: Load(cpu, figures.memory, figures.pressure, io_pressure=figures.pressure)})
        if figures.pressure is not None:
            return
        if self._wants_pressure:
            blind[node.name] = "no live PSI, so no pressure"
        if self._wants_io:
            io = await self._busy(node, counters, blind)
            if io is not None:
                await take({node.name: Load(None, None, io)})

    async def _busy(self, node: Node, counters: _Counters, blind: dict[str, str]) -> Sample | None:
        """The busiest disk's share of what it can move, by cAdvisor's counters."""
        able = self._settings.disk_bytes_per_second
        if able is None:
            blind[node.name] = (
                "no live PSI, and spec.metrics.kubelet.diskBytesPerSecond is not set for the bytes instead"
            )
            return None
        try:
            body = await self._get(node, CADVISOR)
        except ClusterError as error:
            blind[node.name] = f"no live PSI, and {CADVISOR}: {_said(error)}"
            return None
        found = cadvisor.read(body)
        if not found:
            blind[node.name] = f"neither live PSI nor blkio counters of the root cgroup in {CADVISOR}"
        disks = counters.disks
        counters.disks = {device: disks.get(device) or summary.Counter(summary.LEAST_WINDOW) for device in found}
        shares = []
        for device, (time, moved) in found.items():
            rate = counters.disks[device].add(time, moved)
            if rate is not None:
                # A cache may take more for a moment than the disk was said to: that is a busy disk.
                shares.append((min(1.0, rate[0] / able), time, rate[1]))
        return sample("io", *max(shares), cadvisor.NAME) if shares else None

    async def _get(self, node: Node, path: str) -> bytes:
        most = MOST_CADVISOR if path == CADVISOR else MOST_SUMMARY
        seconds = self._settings.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._kubelets.get(node, path, seconds=seconds, most=most)
        except TimeoutError as error:
            raise Unavailable(f"no answer within {seconds:g} s") from error


def _said(error: ClusterError) -> str:
    if isinstance(error, Forbidden):
        return f"{str(error)[:200]} (see loadSources.kubelet in the chart's values)"
    if isinstance(error, Throttled):
        return f"throttled: {str(error)[:200]}"
    return str(error)[:200]


def _verdict(count: int, failed: Mapping[str, str], blind: Mapping[str, str]) -> Verdict:
    if failed:
        measured = f"{count - len(failed)} of {count} Ready nodes answered"
        return Verdict(False, "NodesMissing", f"{measured}; {_grouped(failed)}")
    if blind:
        return Verdict(False, "IOUnknown", f"I/O is unknown on {len(blind)} of {count} Ready nodes; {_grouped(blind)}")
    return Verdict(True, "Measured", "every Ready node's kubelet answered")


def _grouped(reasons: Mapping[str, str]) -> str:
    """The nodes by what they have in common: "a, b: no answer within 3 s; c: 403 …"."""
    groups: dict[str, list[str]] = {}
    for node, text in reasons.items():
        groups.setdefault(text, []).append(node)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return "; ".join(f"{names(nodes)}: {text}" for text, nodes in ordered[:REASONS])
