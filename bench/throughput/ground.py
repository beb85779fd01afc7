"""The ground both rivals stand on: a bed of simulated nodes with the chart's objects, quiet before every run."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from bench.throughput.replica import Replica
from bench.throughput.rivals import NAMESPACE, PODS
from bench.throughput.session import Session
from tests.cluster.bed import Bed
from tests.cluster.processes import run
from tests.cluster.tuning import Tuning

Json = dict[str, Any]

SYSTEM = "loadstar-system"
ACCOUNT = "loadstar-operator"
CRD = "tasks.loadstar.dev"
RUN_BY_THE_BENCH = {"Deployment", "Service", "PodDisruptionBudget", "Pod"}
"""Kinds of the chart that are not applied: here the operator is a plain process."""
TUNING = Tuning(
    node_lease_seconds=1200,
    node_grace_seconds=1500,
    finished_pods=100_000,
    metric_seconds=60,
    node_pods=1000,
)
QUIET_SECONDS = 900.0
EMPTY_SECONDS = 600.0
ETCD = """
import json, sys, urllib.request
path, body = sys.argv[1:]
request = urllib.request.Request("http://127.0.0.1:2379/v3/" + path, body.encode())
print(urllib.request.urlopen(request, timeout=300).read().decode())
"""


class Ground:
    """One bed, and what the bench does to it between runs."""

    def __init__(
        self, name: str, root: Path, logs: Path, tuning: Tuning = TUNING, values: tuple[str, ...] = ()
    ) -> None:
        """`values` of the chart, as "name=value"."""
        self.bed = Bed(name, tuning)
        self.values = values
        self.root = root
        self.logs = logs
        self.nodes = 0

    def up(self, nodes: int, real: int = 0) -> None:
        """Bring up a fresh bed of so many simulated and real nodes, and install the chart but the operator."""
        self.bed.down()
        for note in self.bed.up(real, nodes):
            print(f"   {note}", flush=True)
        self.nodes = nodes + real
        kubectl = self.bed.kubectl
        for namespace in (SYSTEM, NAMESPACE):
            kubectl("create", "namespace", namespace)
            kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
        self.install()
        kubectl("wait", "--for=create", "serviceaccount/default", "-n", NAMESPACE, "--timeout=30s")
        self._token()

    def install(self) -> None:
        """Install what the chart has, but the operator."""
        chart = yaml.safe_dump_all(self._chart())
        self.bed.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input_text=chart)
        self.bed.kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=30s")

    def open_status(self) -> None:
        """Let Tasks be created with a status, in any state; `install` ends that."""
        document = json.loads(self.bed.kubectl("get", "crd", CRD, "-o", "json"))
        for version in document["spec"]["versions"]:
            version.pop("subresources", None)
            version["schema"]["openAPIV3Schema"] = _without_rules(version["schema"]["openAPIV3Schema"])
        self.bed.kubectl("replace", "-f", "-", input_text=json.dumps(document))

    def down(self) -> None:
        """Take it down."""
        self.bed.down()

    def pids(self) -> dict[str, int]:
        """The programs that both rivals use, and the Job controller."""
        names = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kwok", "metrics-server")
        found = {name: self.bed.component(name).pid() for name in names}
        return {name: pid for name, pid in found.items() if pid is not None}

    def replicas(self, count: int) -> list[Replica]:
        """Replicas of the operator, not yet started."""
        return [
            Replica(self.root, self.kubeconfig, self.logs / f"operator-{n}.log", f"bench-{n}") for n in range(count)
        ]

    @property
    def kubeconfig(self) -> Path:
        """The operator's: its ServiceAccount's token, as in a Pod."""
        return self.bed.folder / "operator.kubeconfig"

    async def clear(self, session: Session, collections: list[str]) -> None:
        """Delete all Pods, then all of these collections; return when they are gone and etcd is compact and quiet."""
        for collection in (PODS, *collections):
            await session.empty(collection)
        end = time.monotonic() + EMPTY_SECONDS
        for collection in (PODS, *collections):
            while await session.names(collection, limit=1):
                if time.monotonic() > end:
                    raise TimeoutError(f"{collection} did not get empty in {EMPTY_SECONDS:g} s")
                await asyncio.sleep(0.5)
                await session.empty(collection)
        await asyncio.to_thread(self.compact)
        await self.quiet()

    def compact(self) -> None:
        """Let etcd forget what was, and give back the room: a later run must not pay for an earlier one."""
        self._etcd("kv/compaction", {"revision": self._revision(), "physical": True})
        self._etcd("maintenance/defragment", {})

    async def quiet(self) -> None:
        """Return once hardly anything is written any more; the nodes' own heartbeats go on."""
        most = 10 + self.nodes / 30
        end = time.monotonic() + QUIET_SECONDS
        known = await asyncio.to_thread(self._revision)
        while time.monotonic() < end:
            at = time.monotonic()
            await asyncio.sleep(2)
            revision = await asyncio.to_thread(self._revision)
            if (revision - known) / (time.monotonic() - at) < most:
                return
            known = revision
        raise TimeoutError(f"etcd did not get quiet in {QUIET_SECONDS:g} s")

    async def restless_nodes(self, session: Session, since: float) -> list[str]:
        """Nodes that are not Ready, or whose readiness changed since that time of the epoch."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
        found = []
        for node in (await session.json("GET", "/api/v1/nodes"))["items"]:
            ready = [item for item in node["status"].get("conditions") or () if item["type"] == "Ready"]
            if not ready or ready[0]["status"] != "True" or ready[0].get("lastTransitionTime", "") > stamp:
                found.append(node["metadata"]["name"])
        return found

    def _chart(self) -> list[Json]:
        helm = self.bed.bin / "helm"
        values = [word for value in self.values for word in ("--set", value)]
        text = run(helm, "template", "loadstar", self.root / "helm" / "loadstar", "-n", SYSTEM, *values)
        documents = [document for document in yaml.safe_load_all(text) if document]
        return [document for document in documents if document["kind"] not in RUN_BY_THE_BENCH]

    def _token(self) -> None:
        token = self.bed.kubectl("create", "token", ACCOUNT, "-n", SYSTEM, "--duration=24h").strip()
        document = yaml.safe_load(self.bed.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": token}
        self.kubeconfig.write_text(yaml.safe_dump(document))
        self.kubeconfig.chmod(0o600)

    def _revision(self) -> int:
        return int(self._etcd("maintenance/status", {})["header"]["revision"])

    def _etcd(self, path: str, body: Json) -> Json:
        command = self.bed.plane().inside(sys.executable, "-c", ETCD, path, json.dumps(body))
        return dict(json.loads(run(*command)))


def _without_rules(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _without_rules(part) for name, part in schema.items() if name != "x-kubernetes-validations"}
    return [_without_rules(part) for part in schema] if isinstance(schema, list) else schema
