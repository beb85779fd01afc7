"""How load is measured: which source gives which resource, and how each source is asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from loadstar.api.base import ATOMIC, UNSAID, Model, rule, rules, says
from loadstar.core.metering import Access

FileName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        json_schema_extra=says(
            "must be the name of a file that the chart's loadSources.files mounts, without a path, such as ca.crt"
        ),
    ),
]
Url = Annotated[
    str,
    Field(
        min_length=8,
        max_length=512,
        pattern=r"^https?://([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[-A-Za-z0-9._~/]*)?$",
        json_schema_extra=says(
            "must be an http or https URL such as http://prometheus.monitoring:9090, without user, query or fragment"
        ),
    ),
]
Query = Annotated[str, Field(min_length=1, max_length=4096)]
MetricLabel = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        json_schema_extra=says("must be a label of Prometheus: letters, digits and '_', not starting with a digit"),
    ),
]
Measured = Literal["MetricsServer", "Kubelet", "Prometheus"]


class Sources(Model):
    """Which source each resource is taken from."""

    cpu: Measured = "MetricsServer"
    """CPU: MetricsServer, Kubelet or Prometheus."""
    memory: Measured = "MetricsServer"
    """Memory: MetricsServer, Kubelet or Prometheus."""
    io: Literal["None", "Kubelet", "Prometheus"] = "None"
    """I/O, which metrics-server does not measure: Kubelet or Prometheus; None leaves it unknown."""
    load1: Literal["None", "Prometheus"] = "None"
    """Threads that want to run (node_load1), which shows how far a full CPU is overloaded: Prometheus or None."""
    io_pressure: Literal["None", "Kubelet", "Prometheus"] = "None"
    """I/O pressure (PSI some), which makes a busy node hot: Kubelet, Prometheus or None."""
    pods: Annotated[Literal["MetricsServer", "Kubelet"], Field(json_schema_extra=UNSAID)] = "MetricsServer"
    """What Pods of Tasks use, from which it is learned what their classes need. MetricsServer, unless said otherwise:
    its samples. Kubelet: also counters of /metrics/cadvisor, which tell of short runs and short peaks; with Direct
    that needs the chart's loadSources.kubelet.cadvisor."""


class Tls(Model):
    """Whom to trust."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!self.insecureSkipVerify || !has(self.caFile)",
                "must not name a caFile when insecureSkipVerify is true, since nothing is verified then",
            )
        )
    )

    ca_file: FileName | None = None
    """The authority, a file that the chart mounts; absent: the system's for Prometheus, the cluster's for kubelets."""
    insecure_skip_verify: bool = False
    """true trusts anybody. A kubelet is then sent the operator's token without knowing whether it is one."""


class Kubelet(Model):
    """How kubelets are asked. Needs the chart's value loadSources.kubelet.access to be the same."""

    access: Access = Access.PROXY
    """Proxy: through the API server, with the right to nodes/proxy. Direct: straight to each node, with nodes/stats."""
    concurrency: Annotated[int, Field(ge=1, le=512)] = 32
    """How many kubelets are asked at a time."""
    timeout_seconds: Annotated[int, Field(ge=1, le=30)] = 3
    """How long one kubelet may take."""
    disk_bytes_per_second: Annotated[int, Field(ge=1, le=2**50)] | None = None
    """What a node's disk can move in a second. Where PSI is not live, I/O is the share of this that cAdvisor counts;
    with Direct that needs the chart's loadSources.kubelet.cadvisor. Absent: I/O is unknown there."""
    tls: Tls | None = None
    """Whom to trust, with Direct."""


class Queries(Model):
    """PromQL by resource. Each must return one series for each node; $window stands for windowSeconds, as in [$window].

    Absent ones are the operator's own, for node-exporter: see docs/load-sources.md.
    """

    cpu: Query | None = None
    """Cores in use."""
    memory: Query | None = None
    """Bytes in use."""
    io: Query | None = None
    """Share of time with I/O, 0 to 1."""
    load1: Query | None = None
    """Threads that want to run, the mean of a minute."""
    io_pressure: Query | None = None
    """Share of time in which something waits for I/O, 0 to 1."""


class Prometheus(Model):
    """Where Prometheus is and what it is asked."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.tokenFile) || self.url.startsWith('https://')",
                "must have an https url when it names a tokenFile, so that nobody reads the token on its way",
            ),
            rule(
                "self.windowSeconds >= 2 * self.scrapeSeconds",
                "must have windowSeconds of at least twice scrapeSeconds: a rate needs two scrapes, four are better",
            ),
        )
    )

    url: Url
    """Its address; /api/v1/query is added."""
    tls: Tls | None = None
    """Whom to trust, with https."""
    token_file: FileName | None = None
    """A token to send, a file that the chart mounts; absent: none."""
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 10
    """How long a query may take."""
    scrape_seconds: Annotated[int, Field(ge=1, le=300)] = 15
    """How often Prometheus scrapes: it is asked no more often, and its samples count as so much older."""
    window_seconds: Annotated[int, Field(ge=5, le=600)] = 60
    """The range of rates, $window in a query."""
    node_labels: Annotated[list[MetricLabel], Field(min_length=1, max_length=8, json_schema_extra=ATOMIC)] | None = None
    """Labels that name a series' node, tried in this order, node and instance when absent: by the node's name or one of
    its addresses, with or without a port. For any other form use label_replace in the query."""
    queries: Queries | None = None
    """What is asked."""


class Metrics(Model):
    """How load is read."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.prometheus) || [self.sources.cpu, self.sources.memory, self.sources.io, self.sources.load1, "
                "self.sources.ioPressure].all(source, source != 'Prometheus')",
                "must have prometheus.url when a source is Prometheus",
            )
        )
    )

    period_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    """How often load is read."""
    stale_seconds: Annotated[int, Field(ge=10, le=3600)] = 180
    """A sample older than this counts as none."""
    sources: Sources = Sources()
    """Which source each resource is taken from."""
    kubelet: Kubelet | None = None
    """How kubelets are asked."""
    prometheus: Prometheus | None = None
    """Where Prometheus is and what it is asked."""
