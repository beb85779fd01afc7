"""The demo from end to end: each step says what it does, and a failure says what to look at."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from tests.cluster.bed import DEFAULT, Bed
from tests.cluster.errors import BedError
from tests.demo.delivery import deliver
from tests.demo.table import Row, Table
from tests.demo.target import Target, current, of_bed

ROOT = Path(__file__).parents[2]
CHART, SAMPLES = ROOT / "helm" / "loadstar", ROOT / "manifests" / "samples"
SYSTEM, RELEASE, OPERATOR = "loadstar-system", "loadstar", "loadstar-operator"
OPERATOR_PODS = "app.kubernetes.io/name=loadstar"
NAMESPACE = "loadstar-demo"
CAPABILITY = "capability.loadstar.dev/ssd"
INSTALL_TIMEOUT = "3m"
TASKS_SECONDS = 300.0
SAMPLE_SECONDS = 60.0
"""How long a metrics-server may take for its first sample."""
ABSENT_SECONDS = 10.0


def demo() -> int:
    """Run it; returns the exit code."""
    started = time.monotonic()
    print("1. a cluster")
    target = _cluster()
    print("2. the image", flush=True)
    image = deliver(target)
    print("3. the chart", flush=True)
    install(target, image)
    print(f"4. the samples, in namespace {NAMESPACE}", flush=True)
    _wait_load(target)
    expected = _samples(target)
    print("5. until every Task is SUCCESS", flush=True)
    failure = _follow(target, expected)
    if failure:
        print(f"\nerror: {failure}\n{_diagnosis(target)}")
        return 1
    print(f"\nAll {len(expected)} Tasks are SUCCESS, {time.monotonic() - started:.0f} s after the start.\n")
    print(_further(target))
    return 0


def install(target: Target, image: list[str], *options: str) -> None:
    """Install or upgrade the release from the chart in this folder. Raises BedError."""
    namespace(target, SYSTEM)
    words = ["upgrade", "--install", RELEASE, str(CHART), "-n", SYSTEM, "--create-namespace"]
    try:
        target.helm(
            *words, "--wait", "--timeout", INSTALL_TIMEOUT, *image, *options, progress=lambda: _replicas(target)
        )
    except BedError as error:
        raise BedError(f"{error}\n{_operator(target)}") from error
    print(f"   release {RELEASE} is installed in {SYSTEM}")


def _replicas(target: Target) -> str:
    """How many replicas are ready and what the others wait for."""
    pods = target.objects("pods", "-n", SYSTEM, "-l", OPERATOR_PODS)
    states = [state for pod in pods for state in pod["status"].get("containerStatuses", ())]
    if not states:
        return ""
    ready = sum(state["ready"] for state in states)
    waits = {state["state"]["waiting"].get("reason", "") for state in states if "waiting" in state["state"]}
    others = f", others: {', '.join(sorted(waits))}" if waits else ""
    return f"{ready} of {len(states)} replicas ready{others}"


def namespace(target: Target, name: str) -> None:
    """Make the namespace, with PodSecurity "restricted" enforced."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    target.kubectl("apply", "-f", "-", input_text=json.dumps(body))


def _cluster() -> Target:
    target = current()
    if target:
        whence = "KUBECONFIG" if os.environ.get("KUBECONFIG") else "kubectl's current context"
        print(f"   {target.context}, from {whence}")
        return target
    if os.geteuid() != 0 or not shutil.which("go"):
        raise BedError(
            "there is no cluster: neither KUBECONFIG nor kubectl's current context leads to one that answers, "
            "and the test bed, which would be made instead, needs root and Go on the PATH"
        )
    print("   none answers: the test bed it is (its programs are built once; that takes a while)", flush=True)
    bed = Bed(os.environ.get("BED") or DEFAULT)
    for note in bed.up():
        print(f"   {note}")
    return of_bed(bed)


def _wait_load(target: Target) -> None:
    """Give a metrics-server that is there the time for its first samples: the demo is about load."""
    service = "v1beta1.metrics.k8s.io"
    if not target.kubectl("get", "apiservice", service, "--ignore-not-found", "-o", "name", check=False):
        print("   this cluster has no metrics.k8s.io: Tasks are placed by requests alone, and their status says so")
        return
    end = time.monotonic() + SAMPLE_SECONDS
    while '"timestamp"' not in target.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes", check=False):
        if time.monotonic() > end:
            print("   metrics.k8s.io has no samples: Tasks are placed by requests alone, and their status says so")
            return
        time.sleep(1)


def _samples(target: Target) -> set[str]:
    """Apply them anew; returns the names of the Tasks."""
    namespace(target, NAMESPACE)
    _label_a_node(target)
    target.kubectl("delete", "-n", NAMESPACE, "--ignore-not-found", "-f", str(SAMPLES))
    printed = target.kubectl("apply", "-n", NAMESPACE, "-f", str(SAMPLES), "-o", "name")
    names = {line.partition("/")[2] for line in printed.splitlines() if line.startswith("task.")}
    print(f"   {len(names)} Tasks applied")
    return names


def _label_a_node(target: Target) -> None:
    nodes = target.objects("nodes")
    if any(CAPABILITY in node["metadata"].get("labels", {}) for node in nodes):
        return
    for node in reversed(nodes):
        taints = {taint["effect"] for taint in node["spec"].get("taints", ())}
        if not node["spec"].get("unschedulable") and not taints & {"NoSchedule", "NoExecute"}:
            name = node["metadata"]["name"]
            target.kubectl("label", "node", name, f"{CAPABILITY}=")
            print(f"   {name} is labelled {CAPABILITY}, for the sample that requires it")
            return
    raise BedError("no node is open for Pods: all are cordoned or tainted")


def _follow(target: Target, expected: set[str]) -> str:
    """Show the Tasks until all are SUCCESS; returns what went wrong, or nothing."""
    table = Table()
    end = table.started + TASKS_SECONDS
    while True:
        rows = [Row.of(task) for task in target.objects("ldt", "-n", NAMESPACE)]
        rows = [row for row in rows if row.name in expected]
        table.show(rows)
        states = {row.name: row.state for row in rows}
        if all(states.get(name) == "SUCCESS" for name in expected):
            return ""
        if failed := sorted(name for name, state in states.items() if state == "FAILED"):
            return f"{', '.join(failed)}: FAILED"
        waited = time.monotonic()
        if waited > end:
            late = sorted(expected - {name for name, state in states.items() if state == "SUCCESS"})
            return f"after {TASKS_SECONDS:g} s these are not SUCCESS: {', '.join(late)}"
        if not rows and waited > table.started + ABSENT_SECONDS:
            return "kubectl does not find the Tasks that it applied"
        time.sleep(1)


def _diagnosis(target: Target) -> str:
    tasks = target.kubectl("get", "ldt", "-n", NAMESPACE, "-o", "wide", check=False)
    pods = target.kubectl("get", "pods", "-n", NAMESPACE, "-o", "wide", check=False)
    events = target.kubectl(
        "get", "events", "-n", NAMESPACE, "--field-selector=type=Warning", "--sort-by=.lastTimestamp", check=False
    )
    return f"\n{tasks}\n{pods}\n{events}\n{_operator(target)}"


def _operator(target: Target) -> str:
    pods = target.kubectl("get", "pods", "-n", SYSTEM, "-o", "wide", check=False)
    logs = target.kubectl("logs", f"deployment/{OPERATOR}", "-n", SYSTEM, "--tail=15", check=False)
    return f"the operator in {SYSTEM}:\n{pods}\n{logs}".rstrip()


def _further(target: Target) -> str:
    python = ".venv/bin/python"
    lines = ["Look further:"]
    if target.bed and os.environ.get("KUBECONFIG") != str(target.bed.kubeconfig):
        lines.append(f'  eval "$({python} -m tests.cluster shell-env --name {target.bed.name})"')
    lines += [
        '  export PATH="$PWD/.venv/bin:$PATH"   # for kubectl loadstar',
        "  kubectl get ldt -A",
        f"  kubectl describe ldt hello -n {NAMESPACE}",
        f"  kubectl loadstar why hello -n {NAMESPACE}",
        "  kubectl loadstar top",
        f"  kubectl logs -l loadstar.dev/task=hello -n {NAMESPACE}",
        "",
        "Take it down:",
    ]
    if target.bed:
        lines.append(f"  {python} -m tests.cluster down --name {target.bed.name}")
    else:
        lines += [
            f"  kubectl delete namespace {NAMESPACE}",
            f"  helm uninstall {RELEASE} -n {SYSTEM}",
            "  kubectl delete crd {tasks,taskqueues,placementpolicies,taskprofiles}.loadstar.dev  # with every Task",
            f"  kubectl label nodes --all {CAPABILITY}-",
        ]
    return "\n".join(lines)
