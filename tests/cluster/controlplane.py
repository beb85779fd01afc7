"""etcd, API server, controller-manager, scheduler: ordinary processes in the control plane's network namespace."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import BedError
from tests.cluster.network import API_SERVICE, CONTROL_PLANE, SERVICES, Network
from tests.cluster.pki import Pki
from tests.cluster.processes import Daemon, wait_until
from tests.cluster.tuning import PLAIN, Tuning

API_PORT = 6443
READY_SECONDS = 60.0
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The control plane of one bed; `folder` is the bed's state."""

    folder: Path
    bin: Path
    network: Network
    pki: Pki
    tuning: Tuning = PLAIN

    @property
    def inner_server(self) -> str:
        """The API server as nodes and add-ons reach it."""
        return f"https://{CONTROL_PLANE}:{API_PORT}"

    @property
    def server(self) -> str:
        """The API server as the host reaches it."""
        return f"https://{self.network.server_address}:{API_PORT}"

    def daemon(self, name: str) -> Daemon:
        """One of its programs."""
        return Daemon(self.folder / "run", name)

    def inside(self, *command: str | Path) -> list[str | Path]:
        """A command as it runs in the control plane's network."""
        return ["nsenter", f"--net=/run/netns/{self.network.control_plane}", *command]

    def start_api(self) -> None:
        """Start etcd and the API server."""
        etcd = self.bin / "etcd"
        self.daemon("etcd").start(
            self.inside(
                *(etcd, "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "warn"),
                *("--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379"),
                *("--listen-peer-urls", "http://127.0.0.1:2380", "--initial-advertise-peer-urls"),
                *("http://127.0.0.1:2380", "--initial-cluster", "default=http://127.0.0.1:2380"),
                "--quota-backend-bytes=4294967296",
            )
        )
        collect = [] if self.tuning.gc_percent is None else ["env", f"GOGC={self.tuning.gc_percent}"]
        self.daemon("kube-apiserver").start(self.inside(*collect, self.bin / "kube-apiserver", *self._api_flags()))

    def start_controllers(self) -> None:
        """Start controller-manager and scheduler; their clients are not throttled, as a fair rival's should be."""
        pki, config = self.pki, self.folder
        common = ["--leader-elect=false", "--kube-api-qps=1000", "--kube-api-burst=1000", "--bind-address=127.0.0.1"]
        for name, user, more in (
            (
                "kube-controller-manager",
                "kcm",
                [
                    f"--service-account-private-key-file={pki.path('sa.key')}",
                    f"--root-ca-file={pki.path('ca.crt')}",
                    "--use-service-account-credentials",
                    f"--service-cluster-ip-range={SERVICES}",
                    # It makes this folder and watches it.
                    f"--flex-volume-plugin-dir={config / 'volume-plugins'}",
                    *self.tuning.controller_flags(),
                ],
            ),
            ("kube-scheduler", "scheduler", []),
        ):
            kubeconfig = config / f"{user}.kubeconfig"
            logins = [f"--{kind}kubeconfig={kubeconfig}" for kind in ("", "authentication-", "authorization-")]
            self.daemon(name).start(self.inside(self.bin / name, *logins, *common, *more))

    def wait_ready(self) -> None:
        """Return once /readyz says ok. Raises BedError, at once when a program has ended."""
        needed = [self.daemon(name) for name in ("etcd", "kube-apiserver")]

        def ready() -> bool:
            for daemon in needed:
                if not daemon.alive():
                    raise BedError(f"{daemon.name} ended at once")
            return self.ready()

        wait_until(ready, READY_SECONDS, "the API server is not ready")

    def ready(self) -> bool:
        """One look at /readyz."""
        context = ssl.create_default_context(cafile=str(self.pki.path("ca.crt")))
        context.load_cert_chain(self.pki.path("admin.crt"), self.pki.path("admin.key"))
        address = (self.network.server_address, API_PORT)
        try:
            with (
                socket.create_connection(address, timeout=2) as plain,
                context.wrap_socket(plain, server_hostname=address[0]) as secure,
            ):
                secure.sendall(b"GET /readyz HTTP/1.0\r\nHost: bed\r\n\r\n")
                return secure.recv(64).startswith(b"HTTP/1.0 200")
        except OSError:
            return False

    def _api_flags(self) -> list[str]:
        pki = self.pki.path
        return [
            "--etcd-servers=http://127.0.0.1:2379",
            f"--secure-port={API_PORT}",
            "--bind-address=0.0.0.0",
            "--endpoint-reconciler-type=none",
            f"--advertise-address={CONTROL_PLANE}",
            f"--cert-dir={self.folder / 'certs'}",
            f"--tls-cert-file={pki('apiserver.crt')}",
            f"--tls-private-key-file={pki('apiserver.key')}",
            f"--client-ca-file={pki('ca.crt')}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki('sa.pub')}",
            f"--service-account-signing-key-file={pki('sa.key')}",
            f"--service-cluster-ip-range={SERVICES}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged",
            "--enable-aggregator-routing=true",
            f"--kubelet-client-certificate={pki('admin.crt')}",
            f"--kubelet-client-key={pki('admin.key')}",
            f"--kubelet-certificate-authority={pki('ca.crt')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--requestheader-client-ca-file={pki('front-proxy-ca.crt')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={pki('front-proxy.crt')}",
            f"--proxy-client-key-file={pki('front-proxy.key')}",
        ]


def server_names(network: Network) -> list[str]:
    """The names and addresses in the API server's certificate."""
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names.append("kubernetes.default.svc.cluster.local")
    addresses = ["127.0.0.1", CONTROL_PLANE, API_SERVICE, network.server_address]
    return [f"DNS:{name}" for name in names] + [f"IP:{address}" for address in addresses]
