"""Node load from Prometheus: one instant query a resource, which must return one series a node.

Each reading is also the test of its queries: what a query returns that is not exactly one usable sample for each Ready
node is said in the verdict, and such a node has no sample rather than a wrong one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from loadstar.core.coverage import Verdict
from loadstar.core.metering import PrometheusReading
from loadstar.core.model import Load, Node, Sample
from loadstar.runtime.ports import ClusterError, Forbidden, Misconfigured, NotFound, Take
from loadstar.sources import vector
from loadstar.sources.fetcher import Web
from loadstar.sources.samples import sample

NAME: Final = "prometheus"
MOST: Final = 32 * 2**20
WINDOW: Final = "$window"
"""Stands for the window, such as 60s, in a query."""

_PSI: Final = "rate(node_pressure_io_waiting_seconds_total[$window])"
_LIVE: Final = "(node_pressure_cpu_waiting_seconds_total + node_pressure_io_waiting_seconds_total > 0)"
_BUSY: Final = 'max without (device) (rate(node_disk_io_time_seconds_total{device=~"nvme.+|sd.+|vd.+|xvd.+"}[$window]))'
DEFAULTS: Final = {
    # guest is in user already; iowait and steal are no work of this node.
    "cpu": 'sum without (cpu, mode) (rate(node_cpu_seconds_total{mode!~"idle|iowait|steal|guest.*"}[$window]))',
    "memory": "node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes",
    # All-zero totals are what a kernel shows with PSI switched off.
    "io": f"({_PSI} and {_LIVE}) or {_BUSY}",
    "load1": "node_load1",
    "io_pressure": f"{_PSI} and {_LIVE}",
}
"""For node-exporter: cores, bytes, share of time, threads, share of time."""
WINDOWS: Final = {"memory": 0.0, "load1": 60.0}
"""What is not a rate over the window: an instant, and a mean over a minute."""
WIRE: Final = {"io_pressure": "ioPressure"}


@dataclass(frozen=True, slots=True)
class _Found:
    """How a query went: the reason of the verdict, and what is to be said; empty when all is well."""

    reason: str = ""
    text: str = ""


class Prometheus:
    """A `LoadSource`."""

    def __init__(self, web: Web, settings: PrometheusReading, resources: Collection[str]) -> None:
        self._web = web
        self._settings = settings
        self._queries = {resource: query(settings, resource) for resource in resources}
        self.pause = settings.scrape_seconds

    async def read(self, nodes: Mapping[str, Node], take: Take) -> Verdict:
        """Ask all queries at once; what each returns is taken as it comes."""
        known = vector.Names(nodes.values())
        tests: list[Awaitable[_Found]] = [
            self._test(resource, text, nodes, known, take) for resource, text in self._queries.items()
        ]
        wrong = [found for found in await asyncio.gather(*tests) if found.reason]
        if not wrong:
            return Verdict(True, "Measured", "each query returns one sample for each Ready node")
        return Verdict(False, wrong[0].reason, "; ".join(dict.fromkeys(found.text for found in wrong)))

    async def close(self) -> None:
        """Close the connections."""
        await self._web.close()

    async def _test(
        self,
        resource: str,
        text: str,
        nodes: Mapping[str, Node],
        known: vector.Names,
        take: Take,
    ) -> _Found:
        name = f"query {WIRE.get(resource, resource)}"
        try:
            body = await self._ask(text)
            # Of thousands of nodes that takes a while: the event loop goes on meanwhile.
            samples, wrong = await asyncio.to_thread(self._read, resource, body, nodes, known)
        except ValueError as error:
            return _Found("QueryFails", f"{name} {error}")
        except Misconfigured as error:
            return _Found("Misconfigured", str(error))
        except Forbidden as error:
            return _Found("Forbidden", str(error))
        except NotFound as error:
            return _Found("NotServed", f"{self._settings.url} is not Prometheus: {error}")
        except ClusterError as error:
            return self._refused(name, str(error))
        await take(samples)
        return _Found("QueryMismatch", f"{name} returns {wrong}") if wrong else _Found()

    def _read(
        self, resource: str, body: bytes, nodes: Mapping[str, Node], known: vector.Names
    ) -> tuple[dict[str, Load], str]:
        """The samples of an answer, and what keeps it from one for each node. Raises ValueError."""
        assigned = vector.assign(vector.parse(body), known, self._settings.node_labels)
        samples = {
            node: _load(resource, value)
            for node, found in assigned.by_node.items()
            if len(found) == 1 and (value := self._sample(resource, found[0])) is not None
        }
        return samples, vector.mismatch(assigned, samples, nodes, self._settings.node_labels)

    def _refused(self, name: str, said: str) -> _Found:
        """Prometheus says with 400 or 422 what is wrong with a query; all else is about its server."""
        if said.startswith(("400", "422")):
            return _Found("QueryFails", f"{name} is refused: {said.partition(': ')[2]}")
        return _Found("NoAnswer", f"{self._settings.url}: {said}")

    async def _ask(self, text: str) -> bytes:
        seconds = self._settings.timeout_seconds
        form = {
            "query": text,
            "timeout": f"{seconds:g}s",
            # Else Prometheus would give a value of up to five minutes ago as one of now.
            "lookback_delta": f"{self._settings.window_seconds:g}s",
        }
        url = f"{self._settings.url.rstrip('/')}/api/v1/query"
        return await self._web.post(url, form, seconds=seconds, most=MOST)

    def _sample(self, resource: str, series: vector.Series) -> Sample | None:
        """The time is the query's; what it is made of may be a scrape older, so that much is taken off."""
        window = WINDOWS.get(resource, self._settings.window_seconds)
        return sample(resource, series.value, series.time - self._settings.scrape_seconds, window, NAME)


def query(settings: PrometheusReading, resource: str) -> str:
    """The policy's query for this field of `Load`, else the default, with the window filled in."""
    text = getattr(settings.queries, resource) or DEFAULTS[resource]
    return text.replace(WINDOW, f"{settings.window_seconds:g}s")


def _load(resource: str, value: Sample) -> Load:
    return Load(**{"cpu": None, "memory": None, "io": None, resource: value})
