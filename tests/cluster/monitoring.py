"""Debian's Prometheus beside the control plane, and a node-exporter on each real node.

It scrapes each kubelet's /metrics/resource and /metrics/cadvisor, whose values are the node's own. What node-exporter
shows is the machine's, alike on every node: it proves queries, not loads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.cluster.addons import Json, endpoints, service
from tests.cluster.controlplane import ControlPlane
from tests.cluster.network import node_address
from tests.cluster.node import Node
from tests.cluster.processes import Daemon, wait_until

NAME = "prometheus"
PORT = 9090
EXPORTER = "node-exporter"
EXPORTER_PORT = 9100
KUBELET_PORT = 10250
SCRAPE_SECONDS = 3
READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Prometheus of one bed."""

    plane: ControlPlane
    nodes: tuple[Node, ...]

    @property
    def url(self) -> str:
        """Where Pods reach it."""
        return f"http://{NAME}.kube-system:{PORT}"

    def names(self) -> list[str]:
        """Its programs, as `daemon` names them."""
        return [NAME, *(self._exporter(node) for node in self.nodes)]

    def daemon(self, name: str) -> Daemon:
        """One of them."""
        return self.plane.daemon(name)

    def start(self) -> None:
        """Start what does not run; returns when Prometheus has scraped every target. Raises BedError."""
        plane, folder = self.plane, self.plane.folder / NAME
        folder.mkdir(exist_ok=True)
        config = folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump(self._config()))
        for node in self.nodes:
            # The plainest collectors that the operator's own queries read.
            collectors = [f"--collector.{name}" for name in ("cpu", "meminfo", "diskstats", "loadavg", "pressure")]
            address = f"--web.listen-address={node_address(node.index)}:{EXPORTER_PORT}"
            self.daemon(self._exporter(node)).start(
                [
                    *("nsenter", f"--net=/run/netns/{plane.network.node(node.index)}", "prometheus-node-exporter"),
                    *("--collector.disable-defaults", *collectors, address),
                ]
            )
        self.daemon(NAME).start(
            plane.inside(
                *("prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"),
                *(f"--web.listen-address=0.0.0.0:{PORT}", "--storage.tsdb.retention.time=2h", "--log.level=warn"),
            )
        )
        wait_until(self._scraped, READY_SECONDS, "Prometheus has not scraped every target", every=0.5)

    def objects(self) -> str:
        """The Service that leads Pods to it, as YAML for kubectl apply."""
        return yaml.safe_dump_all(
            [service(NAME, [("http", PORT, "TCP")], None), endpoints(NAME, "kube-system", "http", PORT)]
        )

    def _exporter(self, node: Node) -> str:
        return f"{EXPORTER}-{node.index}"

    def _scraped(self) -> bool:
        return self.count("up") == 3 * len(self.nodes)

    def count(self, query: str) -> float:
        """The sum of what a query returns; 0 for nothing."""
        values = [float(series["value"][1]) for series in self.ask(query)]
        return sum(values)

    def ask(self, query: str) -> list[Json]:
        """What a query returns; nothing while Prometheus does not answer."""
        parameters = urlencode({"query": query})
        url = f"http://{self.plane.network.server_address}:{PORT}/api/v1/query?{parameters}"
        try:
            with urlopen(url, timeout=5) as answer:
                return list(json.load(answer)["data"]["result"])
        except (OSError, ValueError, KeyError):
            return []

    def _config(self) -> Json:
        pki = self.plane.pki.path
        kubelet = {
            "scheme": "https",
            "tls_config": {
                "ca_file": str(pki("ca.crt")),
                "cert_file": str(pki("addons.crt")),
                "key_file": str(pki("addons.key")),
            },
            "static_configs": [{"targets": self._targets(KUBELET_PORT)}],
        }
        root = [{"source_labels": ["id"], "regex": "/", "action": "keep"}]
        return {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": f"{SCRAPE_SECONDS}s"},
            "scrape_configs": [
                {"job_name": "resource", "metrics_path": "/metrics/resource", **kubelet},
                {
                    "job_name": "cadvisor",
                    "metrics_path": "/metrics/cadvisor",
                    "metric_relabel_configs": root,
                    **kubelet,
                },
                {"job_name": EXPORTER, "static_configs": [{"targets": self._targets(EXPORTER_PORT)}]},
            ],
        }

    def _targets(self, port: int) -> list[str]:
        return [f"{node_address(node.index)}:{port}" for node in self.nodes]
