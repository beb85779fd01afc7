"""Builds the sources that a policy names, each with connections of its own."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path
from typing import Final

from loadstar.core.metering import Access, KubeletReading, Metering, Source
from loadstar.runtime.ports import LoadSource
from loadstar.sources.containers import Containers
from loadstar.sources.fetcher import Authorization, Fetcher, Files, Trust, anonymous
from loadstar.sources.kubelet import Direct, Kubelet, Proxied
from loadstar.sources.metrics_server import MetricsServer
from loadstar.sources.prometheus import Prometheus

QUERIES_AT_ONCE: Final = 8


class Sources:
    """The way to the API server, and the folder in which authorities and tokens are mounted."""

    def __init__(self, server: str, trust: Trust, authorization: Authorization, folder: Path) -> None:
        self._server = server
        self._trust = trust
        self._authorization = authorization
        self._files = Files(folder)

    def build(self, source: Source, metering: Metering) -> LoadSource:
        """A source that measures what the metering names it for. Raises KeyError for NONE."""
        resources = metering.assigned()[source]
        match source:
            case Source.KUBELET:
                return self._kubelet(metering, resources)
            case Source.PROMETHEUS:
                return self._prometheus(metering, resources)
            case _:
                return MetricsServer(self._server, Fetcher(self._trust, self._authorization, 1))

    def containers(self, settings: KubeletReading) -> Containers:
        """A source of what Pods use."""
        return Containers(self._kubelets(settings), settings)

    def _kubelet(self, metering: Metering, resources: tuple[str, ...]) -> Kubelet:
        return Kubelet(self._kubelets(metering.kubelet), metering.kubelet, resources)

    def _kubelets(self, settings: KubeletReading) -> Proxied | Direct:
        if settings.access is Access.PROXY:
            return Proxied(self._server, Fetcher(self._trust, self._authorization, settings.concurrency))
        trust = partial(self._files.context, settings.tls, self._trust)
        return Direct(Fetcher(trust, self._authorization, settings.concurrency))

    def _prometheus(self, metering: Metering, resources: tuple[str, ...]) -> Prometheus:
        settings = metering.prometheus
        authorization = partial(self._files.bearer, settings.token_file) if settings.token_file else anonymous
        trust = partial(self._files.context, settings.tls, _public)
        return Prometheus(Fetcher(trust, authorization, QUERIES_AT_ONCE), settings, resources)


def _public() -> ssl.SSLContext:
    """The authorities of the system."""
    return ssl.create_default_context()
