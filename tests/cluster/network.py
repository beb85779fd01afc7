"""A bed's network: one namespace for bridge and control plane, one a node, one veth pair to the host.

Inside, every bed has the same addresses. The host gets a /30 of its own for each bed and nothing else: no route, no
firewall rule, no sysctl.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import BedError
from tests.cluster.processes import run

SLOTS = 60
NAMESPACES = Path("/run/netns")
HOST_PREFIX = "10.89.255."
CONTROL_PLANE = "10.89.0.1"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"


def node_address(index: int) -> str:
    """The address of node `index`."""
    return f"10.89.0.{11 + index}"


def pod_range(index: int) -> str:
    """The Pods' addresses on node `index`."""
    return f"10.244.{index}.0/24"


def taken_slots(addresses: str) -> set[int]:
    """The slots whose address the host has, read from `ip -o -4 addr`: true for every bed, wherever its state is."""
    words = (word.partition("/")[0] for word in addresses.split())
    return {int(word.removeprefix(HOST_PREFIX)) // 4 for word in words if word.startswith(HOST_PREFIX)}


def free_slot(taken: set[int]) -> int:
    """The lowest slot that no other bed has. Raises BedError when all are taken."""
    for slot in range(SLOTS):
        if slot not in taken:
            return slot
    raise BedError(f"{SLOTS} beds are up; take one down first")


@dataclass(frozen=True, slots=True)
class Network:
    """The network of the bed `name` in `slot`."""

    name: str
    slot: int

    @property
    def control_plane(self) -> str:
        """Name of the control plane's namespace."""
        return f"ls-{self.name}-cp"

    def node(self, index: int) -> str:
        """Name of a node's namespace."""
        return f"ls-{self.name}-node-{index}"

    @property
    def host_interface(self) -> str:
        """The host's end of the veth pair; an interface's name has at most 15 characters."""
        return f"ls-{self.name}"

    @property
    def host_address(self) -> str:
        """The host's address on it."""
        return f"{HOST_PREFIX}{4 * self.slot + 1}"

    @property
    def server_address(self) -> str:
        """Where the host reaches the API server."""
        return f"{HOST_PREFIX}{4 * self.slot + 2}"

    def make(self, nodes: int) -> None:
        """Make all namespaces and links."""
        cp = self.control_plane
        run("ip", "netns", "add", cp)
        run("ip", "-n", cp, "link", "set", "lo", "up")
        run("ip", "-n", cp, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", cp, "addr", "add", f"{CONTROL_PLANE}/24", "dev", "br0")
        run("ip", "-n", cp, "link", "set", "br0", "up")
        run("ip", "link", "add", self.host_interface, "type", "veth", "peer", "name", "host", "netns", cp)
        run("ip", "addr", "add", f"{self.host_address}/30", "dev", self.host_interface)
        run("ip", "link", "set", self.host_interface, "up")
        run("ip", "-n", cp, "addr", "add", f"{self.server_address}/30", "dev", "host")
        run("ip", "-n", cp, "link", "set", "host", "up")
        _forward(cp)
        for index in range(nodes):
            self._make_node(index)

    def _make_node(self, index: int) -> None:
        cp, node = self.control_plane, self.node(index)
        run("ip", "netns", "add", node)
        run("ip", "-n", cp, "link", "add", f"node{index}", "type", "veth", "peer", "name", "eth0", "netns", node)
        run("ip", "-n", cp, "link", "set", f"node{index}", "master", "br0", "up")
        run("ip", "-n", node, "addr", "add", f"{node_address(index)}/24", "dev", "eth0")
        run("ip", "-n", node, "link", "set", "eth0", "up")
        run("ip", "-n", node, "link", "set", "lo", "up")
        run("ip", "-n", node, "route", "add", "default", "via", CONTROL_PLANE)
        run("ip", "-n", cp, "route", "add", pod_range(index), "via", node_address(index))
        _forward(node)

    def namespaces(self) -> list[str]:
        """The bed's namespaces that exist, however they came to be."""
        names = [path.name for path in NAMESPACES.glob(f"ls-{self.name}-*")]
        return [name for name in names if name == self.control_plane or name.startswith(f"ls-{self.name}-node-")]

    def pids(self) -> list[int]:
        """Every process in one of the bed's namespaces."""
        found: list[int] = []
        for name in self.namespaces():
            found += [int(word) for word in run("ip", "netns", "pids", name, check=False).split()]
        return found

    def interfaces(self) -> list[str]:
        """The bed's interfaces on the host that exist."""
        return [self.host_interface] if Path(f"/sys/class/net/{self.host_interface}").exists() else []

    def remove(self) -> None:
        """Remove all of it; links go with their namespaces, the host's end at once."""
        for interface in self.interfaces():
            run("ip", "link", "delete", interface, check=False)
        for name in self.namespaces():
            run("ip", "netns", "delete", name, check=False)
        with contextlib.suppress(OSError):
            if not any(NAMESPACES.iterdir()):
                # The first namespace made iproute2 mount this folder; it does so again when it needs to.
                run("umount", NAMESPACES, check=False)
                NAMESPACES.rmdir()


def _forward(namespace: str) -> None:
    run("ip", "netns", "exec", namespace, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
