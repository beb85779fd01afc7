"""The policy's metrics, from the wire to the core."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from loadstar.api.convert import policy
from loadstar.api.metrics import Metrics
from loadstar.core.metering import (
    Access,
    KubeletReading,
    Metering,
    PrometheusReading,
    Queries,
    Source,
    Sources,
    Tls,
)

FULL: dict[str, Any] = {
    "sources": {
        "cpu": "Kubelet",
        "memory": "MetricsServer",
        "io": "Prometheus",
        "load1": "None",
        "ioPressure": "Kubelet",
    },
    "kubelet": {
        "access": "Direct",
        "concurrency": 7,
        "timeoutSeconds": 2,
        "diskBytesPerSecond": 1000,
        "tls": {"caFile": "kubelet.crt"},
    },
    "prometheus": {
        "url": "https://prometheus:9090/x",
        "tls": {"insecureSkipVerify": True},
        "tokenFile": "token",
        "timeoutSeconds": 4,
        "scrapeSeconds": 30,
        "windowSeconds": 120,
        "nodeLabels": ["nodename"],
        "queries": {"cpu": "a", "memory": "b", "io": "c", "load1": "d", "ioPressure": "e"},
    },
}
READ = Metering(
    Sources(Source.KUBELET, Source.METRICS_SERVER, Source.PROMETHEUS, Source.NONE, Source.KUBELET),
    KubeletReading(Access.DIRECT, 7, 2.0, 1000, Tls("kubelet.crt")),
    PrometheusReading(
        "https://prometheus:9090/x",
        Tls("", insecure=True),
        "token",
        ("nodename",),
        120.0,
        30.0,
        4.0,
        Queries("a", "b", "c", "d", "e"),
    ),
)


def test_all_of_it_is_read() -> None:
    """Every field of the wire arrives, and the schema's model takes it."""
    assert policy({"spec": {"metrics": FULL}}).metering == READ
    assert Metrics.model_validate(FULL).model_dump(by_alias=True, exclude_unset=True, mode="json") == FULL


def test_what_is_not_said_is_as_the_schema_has_it() -> None:
    """A policy without metrics, and one of a version that had no sources, read like the schema's defaults."""
    plain = Metrics.model_validate({"prometheus": {"url": "http://prometheus"}}).model_dump(
        by_alias=True, mode="json", exclude_none=True
    )
    read = policy({"spec": {"metrics": plain}}).metering
    assert read == Metering(prometheus=PrometheusReading(url="http://prometheus"))
    assert policy({}).metering == policy({"spec": {"metrics": {"periodSeconds": 5}}}).metering == Metering()


def test_each_source_gets_its_resources() -> None:
    """By the fields of `Load`; those of no source are unmeasured."""
    assert READ.assigned() == {
        Source.KUBELET: ("cpu", "io_pressure"),
        Source.METRICS_SERVER: ("memory",),
        Source.PROMETHEUS: ("io",),
    }
    assert READ.unmeasured() == ("load1",)


@pytest.mark.parametrize(
    "metrics",
    [
        {"sources": {"io": "MetricsServer"}},
        {"sources": {"cpu": "None"}},
        {"sources": {"load1": "Kubelet"}},
        {"sources": {"disk": "Kubelet"}},
        {"kubelet": {"concurrency": 0}},
        {"kubelet": {"timeoutSeconds": 31}},
        {"kubelet": {"diskBytesPerSecond": 0}},
        {"kubelet": {"tls": {"caFile": "../ca.crt"}}},
        {"prometheus": {}},
        {"prometheus": {"url": "prometheus:9090"}},
        {"prometheus": {"url": "http://user:word@prometheus"}},
        {"prometheus": {"url": "http://prometheus/?query=x"}},
        {"prometheus": {"url": "http://prometheus", "nodeLabels": []}},
        {"prometheus": {"url": "http://prometheus", "nodeLabels": ["a-b"]}},
        {"prometheus": {"url": "http://prometheus", "queries": {"cpu": ""}}},
    ],
)
def test_what_cannot_be_is_refused(metrics: Any) -> None:
    """By the schema, before it is ever tried."""
    with pytest.raises(ValidationError):
        Metrics.model_validate(metrics)
