"""Each source of load against real nodes: one burns CPU, one writes all that its disk takes, one idles."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.bed import Bed
from tests.cluster.cgroups import IO_BYTES_PER_SECOND
from tests.cluster.monitoring import SCRAPE_SECONDS
from tests.e2e.conftest import SYSTEM, Json, Kubectl, Tasks, as_yaml, fresh_namespace, install, task

pytestmark = pytest.mark.bed

BURNT, WRITTEN, IDLE = "node-0", "node-1", "node-2"
SCRIPTS = {
    BURNT: "while :; do :; done",
    WRITTEN: "while :; do dd if=/dev/zero of=/tmp/file bs=1M count=64 oflag=direct 2>/dev/null; done",
}
OWN_VALUES = {
    "cpu": "rate(node_cpu_usage_seconds_total[$window])",
    "memory": "node_memory_working_set_bytes",
    "io": 'sum by (instance) (rate(container_blkio_device_usage_total{operation=~"Read|Write"}[$window])) '
    f"/ {IO_BYTES_PER_SECOND}",
}
"""What the kubelets tell of the nodes themselves; node-exporter on the bed tells of the machine."""
NOTHING = {"staleSeconds": None, "sources": None, "kubelet": None, "prometheus": None}
WINDOW_SECONDS = 30
"""A kubelet looks at its node every 5 to 15 s, however often it is scraped: a rate needs two looks."""


def burner(node: str, script: str) -> Json:
    """A Pod that asks for nothing and takes what there is of its node."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"burner-{node}"},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "disk", "emptyDir": {}}],
            "containers": [
                {
                    "name": "burn",
                    "image": "busybox:1.35",
                    "command": ["sh", "-c", script],
                    "volumeMounts": [{"name": "disk", "mountPath": "/tmp"}],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


@pytest.fixture(scope="module", autouse=True)
def burners(kubectl: Kubectl) -> Iterator[None]:
    """They burn for all tests here."""
    with fresh_namespace(kubectl) as namespace:
        documents = [burner(node, script) for node, script in SCRIPTS.items()]
        kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(*documents))
        yield


@pytest.fixture(scope="module")
def prometheus(bed: Bed) -> str:
    """Where Pods find it."""
    return bed.monitor()


class Policy:
    """The PlacementPolicy `default`, edited for one test."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def metrics(self, **metrics: Any) -> None:
        """Say how load is measured; what is not said is as by default."""
        change = {"spec": {"metrics": {**NOTHING, **metrics}}}
        self._kubectl("patch", "ldp", "default", "--type=merge", "-p", json.dumps(change))

    def stale(self, seconds: int) -> None:
        """Say how old a sample may be, and leave all else."""
        change = json.dumps({"spec": {"metrics": {"staleSeconds": seconds}}})
        self._kubectl("patch", "ldp", "default", "--type=merge", "-p", change)

    def conditions(self) -> dict[str, Json]:
        """By type; none while the status is about another policy than it is now."""
        found = json.loads(self._kubectl("get", "ldp", "default", "-o", "json").stdout)
        status = found.get("status", {})
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return {item["type"]: item for item in status.get("conditions", [])} if current else {}

    def wait(self, done: Callable[[dict[str, Json]], bool], seconds: float = 45) -> dict[str, Json]:
        """The conditions once `done` says so; fails with what they were."""
        end = time.monotonic() + seconds
        while not done(found := self.conditions()):
            if time.monotonic() > end:
                pytest.fail(f"not in {seconds:g} s: {json.dumps(found, indent=1)}")
            time.sleep(0.5)
        return found

    def wait_ready(self, *kinds: str) -> dict[str, Json]:
        """Once all resources are measured, with just these conditions beside the two that are always there."""
        wanted = {"LoadDataFresh", "MetricsReady", *kinds}
        return self.wait(lambda found: found.keys() == wanted and all(c["status"] == "True" for c in found.values()))


@pytest.fixture
def policy(kubectl: Kubectl) -> Iterator[Policy]:
    """The policy; its metrics are the defaults again afterwards."""
    kubectl("wait", "--for=create", "ldp/default", "--timeout=60s")
    policy = Policy(kubectl)
    yield policy
    policy.metrics()


@pytest.fixture(scope="module", autouse=True)
def rights() -> Iterator[None]:
    """Whatever a test gives the operator is taken back."""
    yield
    install()


def scored(tasks: Tasks) -> dict[str, dict[str, float]]:
    """The share of each resource by node, as a Task that may run only there has it; of a Task that was just made."""
    number = time.monotonic_ns()
    names = {node: f"probe-{node}-{number}" for node in (BURNT, WRITTEN, IDLE)}
    for node, name in names.items():
        tasks.apply(task(name, placement={"nodeSelector": {"kubernetes.io/hostname": node}}))
    found = tasks.wait(lambda all_: all("placement" in all_[name]["status"] for name in names.values()), 20)
    return {node: shares(found[name]["status"]["placement"]["terms"]) for node, name in names.items()}


def shares(terms: str) -> dict[str, float]:
    """What is in "0.5·cpu 0.310 + 0.3·memory 0.220 + 0.2·io 0.500; …", what is not measured left out."""
    return {name: float(share) for name, share in re.findall(r"·(\w+) (\d+\.\d+)", terms)}


def wait_measured(tasks: Tasks, seconds: float = 45) -> None:
    """The scores once the burnt node's CPU and the written one's I/O are near all there is, and more than elsewhere."""
    end = time.monotonic() + seconds
    while True:
        scores = scored(tasks)
        cpu, io = ({node: score.get(name, -1.0) for node, score in scores.items()} for name in ("cpu", "io"))
        if cpu[BURNT] == max(cpu.values()) > 0.8 and io[WRITTEN] > 0.7 and -1 < max(io[BURNT], io[IDLE]) < 0.3:
            return
        if time.monotonic() > end:
            pytest.fail(f"not in {seconds:g} s: {json.dumps(scores, indent=1)}")
        time.sleep(2)


def may(kubectl: Kubectl, part: str) -> bool:
    """Whether the operator may get this part of a node."""
    account = f"system:serviceaccount:{SYSTEM}:loadstar-operator"
    words = ("auth", "can-i", "get", "nodes", f"--subresource={part}", "--as", account)
    return kubectl(*words, check=False).stdout.strip() == "yes"


def reading(url: str, **more: Any) -> Json:
    """Prometheus as it is on the bed."""
    return {"url": url, "scrapeSeconds": SCRAPE_SECONDS, "windowSeconds": WINDOW_SECONDS, **more}


def test_kubelets_through_the_api_server(tasks: Tasks, policy: Policy) -> None:
    """CPU, memory and I/O of each node are its own."""
    install("loadSources.kubelet.access=Proxy")
    everything = {"cpu": "Kubelet", "memory": "Kubelet", "io": "Kubelet"}
    policy.metrics(sources=everything, kubelet={"diskBytesPerSecond": IO_BYTES_PER_SECOND})
    wait_measured(tasks)


def test_prometheus_tests_its_queries(tasks: Tasks, policy: Policy, prometheus: str) -> None:
    """Queries of one's own measure the nodes; one that returns several series a node, or none, is told."""
    everything = {"cpu": "Prometheus", "memory": "Prometheus", "io": "Prometheus"}
    bad = {**OWN_VALUES, "memory": "up", "io": "nothing_such"}
    policy.metrics(sources=everything, prometheus=reading(prometheus, queries=bad))
    nobody = "returns one sample each for 0 of 3 Ready nodes"
    expected = (
        f"query memory {nobody}, several for node-0, node-1, node-2, such as {{__name__",
        f"query io {nobody}, none for node-0, node-1, node-2",
    )

    def told(found: dict[str, Json]) -> bool:
        message = found.get("PrometheusReady", {}).get("message", "")
        return all(words in message for words in expected)

    condition = policy.wait(told)["PrometheusReady"]
    assert (condition["status"], condition["reason"]) == ("False", "QueryMismatch")
    policy.metrics(sources=everything, prometheus=reading(prometheus, queries=OWN_VALUES))
    wait_measured(tasks)


def combined(policy: Policy, url: str) -> None:
    """Each resource from a source of its own."""
    install("loadSources.kubelet.access=Proxy")
    sources = {"cpu": "MetricsServer", "memory": "Kubelet", "io": "Prometheus"}
    policy.metrics(sources=sources, prometheus=reading(url, queries={"io": OWN_VALUES["io"]}))


def test_combined(tasks: Tasks, policy: Policy, prometheus: str) -> None:
    """One score from three sources, each with a condition."""
    combined(policy, prometheus)
    wait_measured(tasks)
    found = policy.wait_ready("MetricsServerReady", "KubeletReady", "PrometheusReady")
    assert found["MetricsReady"]["message"] == (
        "CPU from MetricsServer, memory from Kubelet, I/O from Prometheus, load1 and I/O pressure unknown: "
        "no source is named"
    )


@pytest.mark.battery
def test_kubelets_themselves(tasks: Tasks, policy: Policy, kubectl: Kubectl) -> None:
    """Straight from the nodes, without nodes/proxy. Without a right the condition names the value that gives it."""
    everything = {"cpu": "Kubelet", "memory": "Kubelet", "io": "Kubelet"}
    kubelet = {"access": "Direct", "diskBytesPerSecond": IO_BYTES_PER_SECOND}
    for values, missing, reason in (
        ((), "stats", "NodesMissing"),
        (("loadSources.kubelet.access=Direct",), "metrics", "IOUnknown"),
    ):
        install(*values)
        policy.metrics(sources=everything, kubelet=kubelet)
        found = policy.wait(lambda found, reason=reason: found.get("KubeletReady", {}).get("reason") == reason)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        assert f"subresource(s)=[{missing}]" in found["KubeletReady"]["message"]
        assert "loadSources.kubelet" in found["KubeletReady"]["message"]
        policy.metrics()
    install("loadSources.kubelet.access=Direct", "loadSources.kubelet.cadvisor=true")
    assert [may(kubectl, part) for part in ("proxy", "stats", "metrics")] == [False, True, True]
    policy.metrics(sources=everything, kubelet=kubelet)
    policy.wait_ready("KubeletReady")
    wait_measured(tasks)


@pytest.mark.battery
def test_own_queries_are_for_node_exporter(policy: Policy, prometheus: str) -> None:
    """The operator's own queries find one sample of everything on each node, load1 and PSI among it."""
    everything = dict.fromkeys(("cpu", "memory", "io", "load1", "ioPressure"), "Prometheus")
    policy.metrics(sources=everything, prometheus=reading(prometheus))
    policy.wait_ready("PrometheusReady")


@pytest.mark.battery
def test_a_source_that_goes_and_comes_back(tasks: Tasks, policy: Policy, prometheus: str, bed: Bed) -> None:
    """It is told, the others go on, Tasks run, stale I/O is unknown; and that it is back is told."""
    combined(policy, prometheus)
    policy.wait_ready("MetricsServerReady", "KubeletReady", "PrometheusReady")
    policy.stale(40)
    bed.stop("prometheus")
    try:
        found = policy.wait(lambda found: found.get("PrometheusReady", {}).get("status") == "False")
        assert (found["PrometheusReady"]["reason"], found["MetricsReady"]["reason"]) == ("NoAnswer", "SourceFailing")
        assert found["LoadDataFresh"]["status"] == "True"
        end = time.monotonic() + 60
        while "io" in (scores := scored(tasks))[WRITTEN]:
            assert time.monotonic() < end, scores
            time.sleep(5)
        assert scores[BURNT]["cpu"] > 0.8
    finally:
        bed.start("prometheus")
        policy.stale(180)
    policy.wait_ready("MetricsServerReady", "KubeletReady", "PrometheusReady")
    assert "io" in scored(tasks)[WRITTEN]
