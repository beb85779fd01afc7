"""Which source measures which resource of the nodes, and how each source is asked: the policy's `metrics`, as values.

What a source is and does is `loadstar.sources`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum


class Source(StrEnum):
    """Where a resource is measured; NONE leaves it unknown."""

    NONE = "None"
    METRICS_SERVER = "MetricsServer"
    KUBELET = "Kubelet"
    PROMETHEUS = "Prometheus"


class Access(StrEnum):
    """The way to a kubelet: through the API server, or straight to the node."""

    PROXY = "Proxy"
    DIRECT = "Direct"


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom to trust: the authority in this mounted file, else what the source trusts by itself; `insecure`: anybody."""

    ca_file: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class KubeletReading:
    """How kubelets are asked. `disk_bytes_per_second`: what counts as a busy disk where there is no PSI."""

    access: Access = Access.PROXY
    concurrency: int = 32
    timeout_seconds: float = 3
    disk_bytes_per_second: int | None = None
    tls: Tls = Tls()


@dataclass(frozen=True, slots=True)
class Queries:
    """PromQL by field of `Load`; empty: the source's own."""

    cpu: str = ""
    memory: str = ""
    io: str = ""
    load1: str = ""
    io_pressure: str = ""


@dataclass(frozen=True, slots=True)
class PrometheusReading:
    """Where Prometheus is, what it is asked, and how its series are told to be of a node.

    `window_seconds` is the range of rates, `scrape_seconds` how old its newest scrape may be.
    """

    url: str = ""
    tls: Tls = Tls()
    token_file: str = ""
    node_labels: tuple[str, ...] = ("node", "instance")
    window_seconds: float = 60
    scrape_seconds: float = 15
    timeout_seconds: float = 10
    queries: Queries = Queries()


@dataclass(frozen=True, slots=True)
class Sources:
    """The source of each field of `Load`."""

    cpu: Source = Source.METRICS_SERVER
    memory: Source = Source.METRICS_SERVER
    io: Source = Source.NONE
    load1: Source = Source.NONE
    io_pressure: Source = Source.NONE


@dataclass(frozen=True, slots=True)
class Metering:
    """All of it. `pods`: where it is measured what Pods of Tasks use."""

    sources: Sources = Sources()
    kubelet: KubeletReading = KubeletReading()
    prometheus: PrometheusReading = PrometheusReading()
    pods: Source = Source.METRICS_SERVER

    def assigned(self) -> dict[Source, tuple[str, ...]]:
        """The fields of `Load` that each named source is to measure."""
        found: dict[Source, tuple[str, ...]] = {}
        for field in fields(Sources):
            source = getattr(self.sources, field.name)
            if source is not Source.NONE:
                found[source] = (*found.get(source, ()), field.name)
        return found

    def unmeasured(self) -> tuple[str, ...]:
        """The fields of `Load` that no source is named for."""
        return tuple(field.name for field in fields(Sources) if getattr(self.sources, field.name) is Source.NONE)
