"""The Debian packages that nodes and images are made with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.errors import BedError

NODE_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "conntrack": "conntrack",
    "nsenter": "util-linux",
    "openssl": "openssl",
}
"""Program → package."""
MONITORING_PACKAGES = {
    "prometheus": "prometheus",
    "prometheus-node-exporter": "prometheus-node-exporter",
}
"""For those who start Prometheus on a bed."""
NODE_FILES = {
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/var/lib/dpkg/info/busybox-static.list": "busybox-static",
}
"""File → package, for what is no program on the PATH."""
POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian asks this program whether a freshly installed service may start."""


def require_root() -> None:
    """Raise BedError unless root."""
    if os.geteuid() != 0:
        raise BedError(
            "the test bed makes namespaces, cgroups and mounts and needs root; "
            "with KUBECONFIG set to a cluster of yours nothing of it is needed"
        )


def install(programs: dict[str, str], files: dict[str, str]) -> None:
    """Install what is missing, without starting any service."""
    missing = {package for program, package in programs.items() if not shutil.which(program)}
    missing |= {package for path, package in files.items() if not os.path.exists(path)}  # noqa: PTH110 - plain texts
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise BedError(f"install these first (no apt-get here): {', '.join(sorted(missing))}")
    print(f"installing Debian packages: {', '.join(sorted(missing))}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services():
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(missing)],
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise BedError(f"{' '.join(command)} failed: {done.stderr.strip()[-800:]}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Forbid services to start, unless the machine has its own rule on that."""
    try:
        with POLICY.open("x") as file:
            file.write("#!/bin/sh\nexit 101\n")
    except FileExistsError:
        yield
        return
    try:
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink()
