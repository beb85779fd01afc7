"""DNS and metrics: CoreDNS and metrics-server beside the control plane, and the objects that lead to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.controlplane import API_PORT, ControlPlane
from tests.cluster.network import CONTROL_PLANE, DNS_SERVICE
from tests.cluster.processes import Daemon

METRICS_PORT = 4443
READERS = ("view", "edit", "admin")
"""The roles that may read metrics, as on every cluster with metrics-server."""
NAMES = ("coredns", "metrics-server")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Addons:
    """The add-ons of one bed."""

    plane: ControlPlane

    def daemon(self, name: str) -> Daemon:
        """Coredns or metrics-server."""
        return self.plane.daemon(name)

    def start(self) -> None:
        """Start both. Simulated nodes have a port of their own: metrics-server asks each where it says."""
        plane, kubeconfig = self.plane, self.plane.folder / "addons.kubeconfig"
        corefile = plane.folder / "Corefile"
        corefile.write_text(_corefile(kubeconfig))
        self.daemon("coredns").start(plane.inside(plane.bin / "coredns", "-conf", corefile))
        flags = [
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--secure-port={METRICS_PORT}",
            f"--cert-dir={plane.folder / 'metrics-certs'}",
            "--kubelet-insecure-tls",
            "--kubelet-preferred-address-types=InternalIP",
            f"--metric-resolution={plane.tuning.metric_seconds}s",
            "--kubelet-request-timeout=5s",
            "--kubelet-use-node-status-port",
        ]
        self.daemon("metrics-server").start(plane.inside(plane.bin / "metrics-server", *flags))

    def objects(self) -> str:
        """What the cluster must know of them, as YAML for kubectl apply."""
        return yaml.safe_dump_all(
            [
                endpoints("kubernetes", "default", "https", API_PORT),
                service("kube-dns", [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")], DNS_SERVICE),
                endpoints("kube-dns", "kube-system", "dns", 53, "UDP"),
                endpoints("kube-dns-tcp", "kube-system", "dns-tcp", 53, "TCP", service="kube-dns"),
                service("metrics-server", [("https", 443, "TCP")], None, METRICS_PORT),
                endpoints("metrics-server", "kube-system", "https", METRICS_PORT),
                {
                    "apiVersion": "apiregistration.k8s.io/v1",
                    "kind": "APIService",
                    "metadata": {"name": "v1beta1.metrics.k8s.io"},
                    "spec": {
                        "group": "metrics.k8s.io",
                        "version": "v1beta1",
                        "groupPriorityMinimum": 100,
                        "versionPriority": 100,
                        "insecureSkipTLSVerify": True,
                        "service": {"name": "metrics-server", "namespace": "kube-system"},
                    },
                },
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "ClusterRole",
                    "metadata": {
                        "name": "system:aggregated-metrics-reader",
                        "labels": {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in READERS},
                    },
                    "rules": [
                        {
                            "apiGroups": ["metrics.k8s.io"],
                            "resources": ["pods", "nodes"],
                            "verbs": ["get", "list", "watch"],
                        }
                    ],
                },
            ]
        )


def _corefile(kubeconfig: Path) -> str:
    # Nothing outside the bed can be reached: its names do not exist, and to say so at once beats a time-out.
    return f"""cluster.local in-addr.arpa {{
    bind {CONTROL_PLANE}
    errors
    kubernetes {{
        kubeconfig {kubeconfig} loadstar-bed
        pods verified
    }}
    cache 5
}}
. {{
    bind {CONTROL_PLANE}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def service(name: str, ports: list[tuple[str, int, str]], address: str | None, target: int = 0) -> Json:
    """A Service in kube-system without a selector."""
    spec: Json = {
        "ports": [
            {"name": port, "port": number, "protocol": protocol, "targetPort": target or number}
            for port, number, protocol in ports
        ]
    }
    if address:
        spec["clusterIP"] = address
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": spec,
    }


def endpoints(name: str, namespace: str, port: str, number: int, protocol: str = "TCP", service: str = "") -> Json:
    """An EndpointSlice that leads a Service without a selector to the control plane."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service or name},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [CONTROL_PLANE], "conditions": {"ready": True}}],
        "ports": [{"name": port, "port": number, "protocol": protocol}],
    }
