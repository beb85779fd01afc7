"""The policy's `metrics` as a value of the core. Forgiving, as `convert` is: what is absent has its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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

Json = Mapping[str, Any]


def read(metrics: Json) -> Metering:
    """Which source measures what. Raises TypeError or ValueError for what the schema does not allow."""
    named = metrics.get("sources") or {}
    usual = Sources()
    return Metering(
        sources=Sources(
            cpu=Source(named.get("cpu", usual.cpu)),
            memory=Source(named.get("memory", usual.memory)),
            io=Source(named.get("io", usual.io)),
            load1=Source(named.get("load1", usual.load1)),
            io_pressure=Source(named.get("ioPressure", usual.io_pressure)),
        ),
        pods=Source(named.get("pods") or Source.METRICS_SERVER),
        kubelet=_kubelet(metrics.get("kubelet") or {}),
        prometheus=_prometheus(metrics.get("prometheus") or {}),
    )


def _tls(raw: Json) -> Tls:
    return Tls(raw.get("caFile") or "", bool(raw.get("insecureSkipVerify")))


def _kubelet(raw: Json) -> KubeletReading:
    usual = KubeletReading()
    return KubeletReading(
        access=Access(raw.get("access", usual.access)),
        concurrency=int(raw.get("concurrency", usual.concurrency)),
        timeout_seconds=float(raw.get("timeoutSeconds", usual.timeout_seconds)),
        disk_bytes_per_second=raw.get("diskBytesPerSecond"),
        tls=_tls(raw.get("tls") or {}),
    )


def _prometheus(raw: Json) -> PrometheusReading:
    usual, queries = PrometheusReading(), raw.get("queries") or {}
    return PrometheusReading(
        url=raw.get("url") or "",
        tls=_tls(raw.get("tls") or {}),
        token_file=raw.get("tokenFile") or "",
        node_labels=tuple(raw.get("nodeLabels") or usual.node_labels),
        window_seconds=float(raw.get("windowSeconds", usual.window_seconds)),
        scrape_seconds=float(raw.get("scrapeSeconds", usual.scrape_seconds)),
        timeout_seconds=float(raw.get("timeoutSeconds", usual.timeout_seconds)),
        queries=Queries(
            cpu=queries.get("cpu") or "",
            memory=queries.get("memory") or "",
            io=queries.get("io") or "",
            load1=queries.get("load1") or "",
            io_pressure=queries.get("ioPressure") or "",
        ),
    )
