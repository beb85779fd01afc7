"""A bed as a whole: up, down, what it is made of, and how to hurt a part of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import addons, binaries, cgroups, controlplane, kwok, packages
from tests.cluster.addons import Addons
from tests.cluster.controlplane import ControlPlane, server_names
from tests.cluster.errors import BedError
from tests.cluster.images import make_base_images
from tests.cluster.kwok import Kwok
from tests.cluster.network import Network, free_slot, node_address
from tests.cluster.node import DAEMONS, Node
from tests.cluster.pki import Pki
from tests.cluster.processes import Daemon, run, wait_until

DEFAULT = "default"
READY_SECONDS = 90.0
METRICS_SECONDS = 90.0
GONE_SECONDS = 20.0
NAME = re.compile(r"[a-z0-9]{1,12}")


def home() -> Path:
    """Where beds keep their state while they are up."""
    return Path(os.environ.get("LOADSTAR_BED_DIR") or "/var/lib/loadstar-bed")


@dataclass(frozen=True, slots=True)
class Bed:
    """The bed `name`; nothing of it need exist."""

    name: str = DEFAULT

    def __post_init__(self) -> None:
        """Raise BedError for a name that would not fit into the names of namespaces."""
        if not NAME.fullmatch(self.name):
            raise BedError(f"a bed's name must be 1 to 12 of a-z and 0-9, not {self.name!r}")

    @property
    def folder(self) -> Path:
        """Its state."""
        return home() / self.name

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig for the host."""
        return self.folder / "admin.kubeconfig"

    @property
    def bin(self) -> Path:
        """The folder of kubectl, helm and the rest."""
        return Path(str(self._facts()["bin"]))

    def environment(self) -> dict[str, str]:
        """The variables with which kubectl and helm speak to it."""
        return {"KUBECONFIG": str(self.kubeconfig), "PATH": f"{self.bin}:{os.environ.get('PATH', '')}"}

    def up(self, nodes: int = 3, simulated: int = 0, *, wait_metrics: bool = False) -> list[str]:
        """Bring it up unless it is; returns notes. Whatever fails is taken down again. Raises BedError."""
        packages.require_root()
        if self._facts() and self.plane().ready():
            return [f"bed {self.name} is up already"]
        cgroups.require_v1()
        packages.install(packages.NODE_PACKAGES, packages.NODE_FILES)
        programs = binaries.ensure()
        self.down()
        started = time.monotonic()
        try:
            notes = self._up(programs, nodes, simulated)
            if wait_metrics:
                self.wait_metrics(nodes)
        except BaseException as error:
            report = self._autopsy() if isinstance(error, BedError) else ""
            self.down()
            if report:
                raise BedError(f"{error}\n{report}") from error
            raise
        return [
            *notes,
            f"bed {self.name} is up after {time.monotonic() - started:.1f} s: {nodes} nodes, {simulated} simulated",
        ]

    def _up(self, programs: Path, nodes: int, simulated: int) -> list[str]:
        slot = free_slot(_slots())
        self.folder.mkdir(parents=True)
        facts = {"slot": slot, "bin": str(programs), "nodes": nodes, "simulated": simulated}
        (self.folder / "facts.json").write_text(json.dumps(facts))
        plane = self.plane()
        with ThreadPoolExecutor() as pool:
            images = pool.submit(make_base_images, self.folder / "images")
            plane.network.make(nodes)
            plane.pki.make(server_names(plane.network), {node.name: node_address(node.index) for node in self.nodes()})
            self._kubeconfigs(plane)
            plane.start_api()
            starts = [pool.submit(node.start, images.result()) for node in self.nodes()]
            plane.wait_ready()
            plane.start_controllers()
            run(
                self.bin / "kubectl",
                "--kubeconfig",
                self.kubeconfig,
                "apply",
                "-f",
                "-",
                input_text=Addons(plane).objects(),
            )
            Addons(plane).start(kwok=bool(simulated))
            notes = [note for start in starts for note in start.result()]
        if simulated:
            Kwok(plane).start(simulated)
        wait_until(
            lambda: self._ready_nodes() >= nodes + simulated, READY_SECONDS, "not every node is Ready", every=0.3
        )
        self.kubectl("wait", "--for=create", "serviceaccount/default", "-n", "default", "--timeout=30s")
        return notes

    def down(self) -> None:
        """Take it down, whatever state it is in: no process, mount, namespace, cgroup or file of it stays."""
        network = Network(self.name, int(str(self._facts().get("slot", 0))))
        groups = cgroups.leftovers(self.name)
        end = time.monotonic() + GONE_SECONDS
        for daemon in self._daemons():
            with contextlib.suppress(BedError):
                daemon.signal(signal.SIGKILL)
        while pids := {*network.pids(), *(pid for group in groups for pid in group.pids())}:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > end:
                raise BedError(f"these processes of bed {self.name} do not end: {sorted(pids)}")
            time.sleep(0.1)
        if self._facts() or network.namespaces():
            network.remove()
        while groups and time.monotonic() < end:
            for group in groups:
                group.remove()
            groups = cgroups.leftovers(self.name)
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            mount = line.split()[1]
            if mount.startswith(f"{self.folder}/"):
                run("umount", "-l", mount, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            home().rmdir()

    def status(self) -> dict[str, str]:
        """Each part with "up", "down" or "ready"."""
        if not self._facts():
            return {}
        parts = {daemon.name if part is None else f"{part}/{daemon.name}": daemon for part, daemon in self._parts()}
        return {name: "up" if daemon.alive() else "down" for name, daemon in parts.items()}

    def component(self, name: str) -> Daemon:
        """A part by name: kube-apiserver, metrics-server, node-1/kubelet. Raises BedError for others."""
        known = {daemon.name if part is None else f"{part}/{daemon.name}": daemon for part, daemon in self._parts()}
        if name not in known:
            raise BedError(f"bed {self.name} has no {name}; it has {', '.join(known) or 'nothing: it is down'}")
        return known[name]

    def stop(self, name: str) -> None:
        """Stop a part."""
        self.component(name).stop()

    def start(self, name: str) -> None:
        """Start a part again."""
        self.component(name).restart()

    def signal(self, name: str, number: int) -> None:
        """Send a part a signal, such as SIGSTOP."""
        self.component(name).signal(number)

    def load_image(self, archive: Path) -> None:
        """Import an OCI archive on every real node."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.load(archive), self.nodes()))

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """Run the bed's kubectl as its administrator."""
        return run(self.bin / "kubectl", "--kubeconfig", self.kubeconfig, *arguments, check=check)

    def wait_metrics(self, nodes: int) -> None:
        """Return once metrics.k8s.io has a sample of so many nodes."""
        path = "/apis/metrics.k8s.io/v1beta1/nodes"
        wait_until(
            lambda: self.kubectl("get", "--raw", path, check=False).count('"timestamp"') >= nodes,
            METRICS_SECONDS,
            "metrics.k8s.io has no samples",
            every=1.0,
        )

    def plane(self) -> ControlPlane:
        """Its control plane."""
        facts = self._facts()
        network = Network(self.name, int(str(facts["slot"])))
        return ControlPlane(self.folder, Path(str(facts["bin"])), network, Pki(self.folder / "pki"))

    def nodes(self) -> list[Node]:
        """Its real nodes."""
        return [Node(self.plane(), index) for index in range(int(str(self._facts().get("nodes", 0))))]

    def _kubeconfigs(self, plane: ControlPlane) -> None:
        for name in ("kcm", "scheduler", "addons"):
            plane.pki.kubeconfig(name, plane.inner_server, self.folder / f"{name}.kubeconfig")
        plane.pki.kubeconfig("admin", plane.server, self.kubeconfig)

    def _ready_nodes(self) -> int:
        path = "{range .items[*]}{.status.conditions[?(@.type=='Ready')].status} {end}"
        return self.kubectl("get", "nodes", "-o", f"jsonpath={path}", check=False).split().count("True")

    def _facts(self) -> dict[str, object]:
        try:
            facts: dict[str, object] = json.loads((self.folder / "facts.json").read_text())
        except (OSError, ValueError):
            return {}
        return facts

    def _parts(self) -> list[tuple[str | None, Daemon]]:
        if not self._facts():
            return []
        plane = self.plane()
        names = [*controlplane.NAMES, *addons.NAMES]
        if self._facts().get("simulated"):
            names.append(kwok.NAME)
        parts: list[tuple[str | None, Daemon]] = [(None, plane.daemon(name)) for name in names]
        parts += [(node.name, node.daemon(name)) for node in self.nodes() for name in DAEMONS]
        return parts

    def _daemons(self) -> list[Daemon]:
        return [daemon for _, daemon in self._parts()] + [node.init for node in self.nodes()]

    def _autopsy(self) -> str:
        dead = [(part, daemon) for part, daemon in self._parts() if daemon.log.exists() and not daemon.alive()]
        return "\n".join(f"--- {part or ''} {daemon.name} is down:\n{daemon.tail()}" for part, daemon in dead)


def _slots() -> set[int]:
    """The slots of the beds that are up."""
    taken = set()
    for file in home().glob("*/facts.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            taken.add(int(json.loads(file.read_text())["slot"]))
    return taken
