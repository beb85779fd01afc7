"""A bed as a whole: up, down, what it is made of, and how to hurt a part of it."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tests.cluster import addons, binaries, cgroups, controlplane, facts, kernel, kwok, packages
from tests.cluster.addons import Addons
from tests.cluster.controlplane import ControlPlane, server_names
from tests.cluster.errors import BedError
from tests.cluster.facts import Facts, home, lock
from tests.cluster.images import make_base_images
from tests.cluster.kwok import Kwok
from tests.cluster.monitoring import Monitoring
from tests.cluster.network import Network, free_slot, node_address, taken_slots
from tests.cluster.node import DAEMONS, Node
from tests.cluster.pki import Pki
from tests.cluster.processes import Daemon, run, wait_until
from tests.cluster.remains import Remains
from tests.cluster.tuning import PLAIN, Tuning

__all__ = ["DEFAULT", "Bed", "home"]

DEFAULT = "default"
READY_SECONDS = 90.0
SIMULATED_A_SECOND = 8.0
METRICS_SECONDS = 90.0
LOCK_SECONDS = 120.0
MOST_NODES = 100
NAME = re.compile(r"[a-z0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Bed:
    """The bed `name`; nothing of it need exist."""

    name: str = DEFAULT
    tuning: Tuning = PLAIN

    def __post_init__(self) -> None:
        """Raise BedError for a name that would not fit into the names of namespaces and interfaces."""
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
        """The folder of kubectl, helm and the rest. Raises BedError when the bed is down."""
        return Path(self._known().bin)

    def variables(self) -> dict[str, str]:
        """What leads kubectl and helm to it, and keeps kubectl's cache with it."""
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.folder / "kube-cache")}

    def environment(self) -> dict[str, str]:
        """`variables`, and the PATH on which its kubectl and helm are found first."""
        return {**self.variables(), "PATH": f"{self.bin}:{os.environ.get('PATH', '')}"}

    def up(self, nodes: int = 3, simulated: int = 0, *, wait_metrics: bool = False) -> list[str]:
        """Bring it up, or mend it if it is; returns notes. Raises BedError, and then takes down what it began."""
        packages.require_root()
        if not 0 <= nodes <= MOST_NODES:
            raise BedError(f"a bed has 0 to {MOST_NODES} real nodes, not {nodes}")
        cgroups.require_v1()
        kernel.allow_watches()
        packages.install(packages.NODE_PACKAGES, packages.NODE_FILES)
        programs = binaries.ensure()
        with lock(f"up or down of bed {self.name}", LOCK_SECONDS):
            notes = self._mend(programs, nodes, simulated) or self._make(programs, nodes, simulated)
            if wait_metrics:
                self.wait_metrics(nodes + simulated)
            return notes

    def _mend(self, programs: Path, nodes: int, simulated: int) -> list[str]:
        """Start again whatever does not run; empty when there is nothing to build on."""
        known = facts.read(self.folder)
        if known is None or not known.complete or known.bin != str(programs):
            return []
        if known.nodes != nodes:
            raise BedError(f"bed {self.name} is up with {known.nodes} real nodes, not {nodes}: take it down first")
        if not all(node.init.alive() for node in self.nodes()):
            return []
        dead = [(name, daemon) for name, daemon in self._parts().items() if not daemon.alive()]
        for _, daemon in dead:
            daemon.restart()
        for daemon in self._parts().values():
            daemon.resume()
        try:
            self.plane().wait_ready()
            self._simulate(simulated)
            self._wait_nodes()
        except BedError as error:
            raise BedError(f"{error}\n{self._autopsy()}") from error
        again = [f"started again: {', '.join(name for name, _ in dead)}"] if dead else []
        return [*known.notes, *again, f"bed {self.name} is up already: {nodes} nodes, {simulated} simulated"]

    def _make(self, programs: Path, nodes: int, simulated: int) -> list[str]:
        Remains(self.name).clear()
        started = time.monotonic()
        try:
            self._build(programs, nodes)
            self._simulate(simulated)
            self._wait_nodes()
            # A namespace is of use only when its default ServiceAccount is there.
            self.kubectl("wait", "--for=create", "serviceaccount/default", "-n", "default", "--timeout=30s")
            replace(self._known(), complete=True).write(self.folder)
        except BaseException as error:
            report = self._autopsy() if isinstance(error, BedError) else ""
            Remains(self.name).clear()
            raise (BedError(f"{error}\n{report}") if report else error) from error
        took = time.monotonic() - started
        return [
            *self._known().notes,
            f"bed {self.name} is up after {took:.1f} s: {nodes} nodes, {simulated} simulated",
        ]

    def _build(self, programs: Path, nodes: int) -> None:
        with lock("choice of a bed's slot", LOCK_SECONDS):
            slot = free_slot(facts.slots() | taken_slots(run("ip", "-o", "-4", "addr")))
            known = Facts(slot, str(programs), nodes)
            self.folder.mkdir(parents=True)
            known.write(self.folder)
        plane = self.plane()
        with ThreadPoolExecutor() as pool:
            images = pool.submit(make_base_images, self.folder / "images")
            plane.network.make(nodes)
            addresses = {node.name: node_address(node.index) for node in self.nodes()}
            plane.pki.make(server_names(plane.network), addresses)
            self._kubeconfigs(plane)
            plane.start_api()
            starts = [pool.submit(node.start, images.result()) for node in self.nodes()]
            plane.wait_ready()
            plane.start_controllers()
            self.kubectl("apply", "-f", "-", input_text=Addons(plane).objects())
            Addons(plane).start()
            notes = tuple(note for start in starts for note in start.result())
        replace(known, notes=notes).write(self.folder)

    def _simulate(self, count: int) -> None:
        known = self._known()
        if count != known.simulated:
            replace(known, simulated=count).write(self.folder)
            Kwok(self.plane()).scale(known.simulated, count)

    def down(self) -> None:
        """Take it down, whatever state it is in: no process, mount, namespace, cgroup or file of it stays."""
        packages.require_root()
        with lock(f"up or down of bed {self.name}", LOCK_SECONDS):
            Remains(self.name).clear()

    def status(self) -> dict[str, str]:
        """Each part with "up" or "down", and notes on what this machine could not do; empty for a bed that is down."""
        known = facts.read(self.folder)
        if known is None:
            return {}
        states = {name: "up" if daemon.alive() else "down" for name, daemon in self._parts().items()}
        return {**states, **{f"note {number}": note for number, note in enumerate(known.notes, 1)}}

    def component(self, name: str) -> Daemon:
        """A part by name: kube-apiserver, metrics-server, node-1/kubelet. Raises BedError for others."""
        self._known()
        parts = self._parts()
        if name not in parts:
            raise BedError(f"bed {self.name} has no {name}; it has {', '.join(parts)}")
        return parts[name]

    def stop(self, name: str) -> None:
        """Stop a part."""
        self.component(name).stop()

    def start(self, name: str) -> None:
        """Start a part again."""
        self.component(name).restart()

    def signal(self, name: str, number: int) -> None:
        """Send a part a signal, such as SIGSTOP."""
        self.component(name).signal(number)

    def monitor(self) -> str:
        """Start Prometheus; returns where Pods reach it. Raises BedError."""
        packages.require_root()
        packages.install(packages.MONITORING_PACKAGES, {})
        monitoring = Monitoring(self.plane(), tuple(self.nodes()))
        self.kubectl("apply", "-f", "-", input_text=monitoring.objects())
        monitoring.start()
        return monitoring.url

    def load_image(self, archive: Path) -> None:
        """Import an OCI archive on every real node."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.load(archive), self.nodes()))

    def kubectl(self, *arguments: str, input_text: str | None = None, check: bool = True) -> str:
        """Run the bed's kubectl as its administrator; returns what it prints. Raises BedError."""
        variables = [f"{name}={value}" for name, value in self.variables().items()]
        return run("env", *variables, self.bin / "kubectl", *arguments, input_text=input_text, check=check)

    def wait_metrics(self, nodes: int) -> None:
        """Return once metrics.k8s.io has a sample of so many nodes. Raises BedError."""
        path = "/apis/metrics.k8s.io/v1beta1/nodes"
        wait_until(
            lambda: self.kubectl("get", "--raw", path, check=False).count('"timestamp"') >= nodes,
            METRICS_SECONDS,
            "metrics.k8s.io has no samples",
            every=1.0,
        )

    def plane(self) -> ControlPlane:
        """Its control plane."""
        known = self._known()
        network, pki = Network(self.name, known.slot), Pki(self.folder / "pki")
        return ControlPlane(self.folder, Path(known.bin), network, pki, self.tuning)

    def nodes(self) -> list[Node]:
        """Its real nodes."""
        plane = self.plane()
        return [Node(plane, index) for index in range(self._known().nodes)]

    def _known(self) -> Facts:
        known = facts.read(self.folder)
        if known is None:
            raise BedError(f"bed {self.name} is down; `python -m tests.cluster up --name {self.name}` brings it up")
        return known

    def _kubeconfigs(self, plane: ControlPlane) -> None:
        for name in ("kcm", "scheduler", "addons"):
            plane.pki.kubeconfig(name, plane.inner_server, self.folder / f"{name}.kubeconfig")
        plane.pki.kubeconfig("admin", plane.server, self.kubeconfig)

    def _wait_nodes(self) -> None:
        known = self._known()
        path = "{range .items[*]}{.status.conditions[?(@.type=='Ready')].status} {end}"

        def ready() -> bool:
            states = self.kubectl("get", "nodes", "-o", f"jsonpath={path}", check=False).split()
            return states.count("True") >= known.nodes + known.simulated

        seconds = READY_SECONDS + known.simulated / SIMULATED_A_SECOND
        wait_until(ready, seconds, "not every node is Ready", every=0.3 + known.simulated / 1000)

    def _parts(self) -> dict[str, Daemon]:
        """Every daemon by the name that a person calls it."""
        plane = self.plane()
        names = [*controlplane.NAMES, *addons.NAMES, *([kwok.NAME] if self._known().simulated else [])]
        monitoring = Monitoring(plane, tuple(self.nodes()))
        names += [name for name in monitoring.names() if plane.daemon(name).known()]
        parts = {name: plane.daemon(name) for name in names}
        return parts | {f"{node.name}/{name}": node.daemon(name) for node in self.nodes() for name in DAEMONS}

    def _autopsy(self) -> str:
        """The last words of what is dead; of the kubelets when nothing is."""
        if facts.read(self.folder) is None:
            return ""
        begun = {name: daemon for name, daemon in self._parts().items() if daemon.log.exists()}
        dead = {name: daemon for name, daemon in begun.items() if not daemon.alive()}
        told = dead or {name: daemon for name, daemon in begun.items() if name.endswith("/kubelet")}
        return "\n".join(f"--- the end of the log of {name}:\n{daemon.tail()}" for name, daemon in told.items())
