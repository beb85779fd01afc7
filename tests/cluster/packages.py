"""The Debian packages that nodes and images are made with."""

from __future__ import annotations

import os
import shutil
import subprocess

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
NODE_FILES = {"/usr/lib/cni/bridge": "containernetworking-plugins", "/usr/share/doc/busybox-static": "busybox-static"}
"""File → package, for what is no program on the PATH."""


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
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(missing)],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BedError(f"{' '.join(command)} failed: {done.stderr.strip()[-800:]}")
