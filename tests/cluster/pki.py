"""Certificates and kubeconfigs of a bed: one authority, short names, made anew at every `up`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from tests.cluster.network import CONTROL_PLANE
from tests.cluster.processes import run

DAYS = "30"
CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "kcm": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "proxy": "/CN=system:kube-proxy",
    "addons": "/O=system:masters/CN=loadstar-bed-addons",
}


class Pki:
    """The folder `pki` of a bed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """A file of the folder: "ca.crt", "admin.key" …."""
        return self.folder / name

    def make(self, server_names: Sequence[str], nodes: dict[str, str]) -> None:
        """Make everything: authorities, the API server's certificate, clients, one certificate a node (name → IP)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for authority in ("ca", "front-proxy-ca"):
            self._authority(authority)
        run("openssl", "genrsa", "-out", self.path("sa.key"), "2048")
        run("openssl", "rsa", "-in", self.path("sa.key"), "-pubout", "-out", self.path("sa.pub"))
        wanted = [("apiserver", "/CN=kube-apiserver", f"subjectAltName={','.join(server_names)}", "ca")]
        wanted += [(name, subject, "extendedKeyUsage=clientAuth", "ca") for name, subject in CLIENTS.items()]
        wanted.append(("front-proxy", "/CN=front-proxy-client", "extendedKeyUsage=clientAuth", "front-proxy-ca"))
        wanted.append(("kwok", "/CN=kwok", f"subjectAltName=IP:{CONTROL_PLANE}", "ca"))
        for name, address in nodes.items():
            extension = f"extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName=DNS:{name},IP:{address}"
            wanted.append((name, f"/O=system:nodes/CN=system:node:{name}", extension, "ca"))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda item: self._issue(*item), wanted))

    def kubeconfig(self, name: str, server: str, target: Path) -> Path:
        """Write a kubeconfig for the client `name`."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "bed", "cluster": {"server": server, "certificate-authority": str(self.path("ca.crt"))}}
            ],
            "users": [
                {
                    "name": name,
                    "user": {
                        "client-certificate": str(self.path(f"{name}.crt")),
                        "client-key": str(self.path(f"{name}.key")),
                    },
                }
            ],
            "contexts": [{"name": "loadstar-bed", "context": {"cluster": "bed", "user": name}}],
            "current-context": "loadstar-bed",
        }
        target.write_text(yaml.safe_dump(document))
        target.chmod(0o600)
        return target

    def _authority(self, name: str) -> None:
        run(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", DAYS, "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.crt")),
            *("-subj", f"/CN=loadstar-bed-{name}"),
        )

    def _issue(self, name: str, subject: str, extension: str, authority: str) -> None:
        request, text = self.path(f"{name}.csr"), self.path(f"{name}.ext")
        text.write_text(extension + "\n")
        run(
            *("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", self.path(f"{name}.key"), "-out", request, "-subj", subject),
        )
        serial = str(int.from_bytes(name.encode(), "big") % 2**60 + 1)
        run(
            *("openssl", "x509", "-req", "-in", request, "-days", DAYS, "-extfile", text, "-set_serial", serial),
            *("-CA", self.path(f"{authority}.crt"), "-CAkey", self.path(f"{authority}.key")),
            *("-out", self.path(f"{name}.crt")),
        )
