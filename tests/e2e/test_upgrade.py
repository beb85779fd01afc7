"""From an earlier chart and image to this one and back, with Tasks in every state: nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.bed import Bed
from tests.e2e import earlier
from tests.e2e.conftest import CHART, ROOT, SYSTEM, Json, Kubectl, Tasks, call, install, task
from tests.e2e.earlier import Earlier
from tests.e2e.edits import ABSENT
from tests.e2e.history import History
from tests.e2e.replicas import Replicas

pytestmark = [pytest.mark.bed, pytest.mark.battery, pytest.mark.timeout(900)]

END = "until [ -e /tmp/end-{} ]; do sleep 0.3; done"
CRDS = tuple(f"{kind}.loadstar.dev" for kind in ("tasks", "taskqueues", "placementpolicies", "taskprofiles"))
OWNED = ("state", "attempt", "attempts", "completionTime", "exitCode", "failures", "pod", "assignedTo")
"""What a finished Task's status keeps, whoever reads it."""


@pytest.fixture(scope="module")
def before(bed: Bed) -> Iterator[Earlier]:
    """The earlier commit with its image on the nodes."""
    try:
        with earlier.checkout() as found:
            bed.load_image(found.archive)
            yield found
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture
def installed(before: Earlier, kubectl: Kubectl) -> Iterator[Earlier]:
    """The earlier commit is what is installed, as on a cluster that never saw this one; this one comes back."""
    call("helm", "uninstall", "loadstar", "-n", SYSTEM, "--wait", "--timeout", "60s")
    kubectl("delete", "crd", *CRDS, "--ignore-not-found", "--timeout=60s")
    helm(before.chart, tag=earlier.TAG)
    yield before
    install()


def helm(chart: Path, *settings: str, tag: str = "", own: bool = False) -> None:
    """Install or upgrade to a chart. `own`: also over objects that were applied without Helm."""
    words = [word for setting in settings for word in ("--set", setting)]
    words += ["--set", f"image.tag={tag}"] if tag else []
    words += ["--take-ownership"] if own else []
    call("helm", "upgrade", "--install", "loadstar", str(chart), "-n", SYSTEM, "--wait", "--timeout", "120s", *words)


def population(prefix: str) -> list[Json]:
    """A Task for each state; the three that run end one after another, when they are told."""
    return [
        task(f"{prefix}-pending", placement={"requires": ["e2e-nothing"]}),
        task(f"{prefix}-assigned", worker={"env": ABSENT}),
        *(task(f"{prefix}-running-{n}", END.format(n)) for n in range(3)),
        task(f"{prefix}-success"),
        task(f"{prefix}-failed", "exit 4", retry={"limit": 1, "backoff": {"initialSeconds": 1}}),
    ]


STATES = {
    "pending": "PENDING",
    "assigned": "ASSIGNED",
    "running-0": "RUNNING",
    "running-1": "RUNNING",
    "running-2": "RUNNING",
    "success": "SUCCESS",
    "failed": "FAILED",
}


def settled(prefix: str, tasks: Tasks) -> dict[str, Json]:
    """The statuses once each is in its state."""
    found = tasks.wait(
        lambda found: all(found[f"{prefix}-{name}"]["status"]["state"] == state for name, state in STATES.items()), 90
    )
    return {name: item["status"] for name, item in found.items()}


def goes_on(tasks: Tasks, prefix: str, number: int, known: dict[str, Json]) -> None:
    """One that ran ends, a new one runs, what was over is unchanged, what waits still waits."""
    pod = known[f"{prefix}-running-{number}"]["pod"]
    tasks.touch(pod, f"/tmp/end-{number}")
    tasks.apply(task(f"{prefix}-new-{number}"))
    names = (f"{prefix}-running-{number}", f"{prefix}-new-{number}")
    found = tasks.wait(lambda found: all(found[name]["status"]["state"] == "SUCCESS" for name in names))
    assert found[names[0]]["status"]["attempt"] == 1
    assert found[names[0]]["status"]["pod"] == pod
    for name in (f"{prefix}-success", f"{prefix}-failed"):
        now = found[name]["status"]
        assert {key: now.get(key) for key in OWNED} == {key: known[name].get(key) for key in OWNED}
    for name, state in (("pending", "PENDING"), ("assigned", "ASSIGNED")):
        assert found[f"{prefix}-{name}"]["status"]["state"] == state


def finish(tasks: Tasks, kubectl: Kubectl, prefix: str) -> None:
    """Those that waited get what they wait for, and succeed."""
    node = kubectl("get", "nodes", "-l", "type=real", "-o", "name").stdout.split()[0]
    kubectl("label", "--overwrite", node, "capability.loadstar.dev/e2e-nothing=")
    try:
        kubectl("create", "configmap", "absent", "--from-literal=x=1", "-n", tasks.namespace, check=False)
        found = tasks.wait_terminal(120)
    finally:
        kubectl("label", node, "capability.loadstar.dev/e2e-nothing-")
    ended = {name: item["status"]["state"] for name, item in found.items() if name.startswith(prefix)}
    assert ended.pop(f"{prefix}-failed") == "FAILED"
    assert set(ended.values()) == {"SUCCESS"}
    assert {item["status"]["attempt"] for name, item in found.items() if name != f"{prefix}-failed"} == {1}


@pytest.mark.usefixtures("installed")
def test_operator_first(tasks: Tasks, history: History, kubectl: Kubectl) -> None:
    """This operator on the earlier CRDs, then this chart whole, then back by `helm rollback`: no Task is lost.

    Each in turn carries on what the one before began, and ends what runs.
    """
    tasks.apply(*population("a"))
    known = settled("a", tasks)
    helm(CHART, "crds.install=false")
    goes_on(tasks, "a", 0, known)
    helm(CHART)
    goes_on(tasks, "a", 1, known)
    call("helm", "rollback", "loadstar", "1", "-n", SYSTEM, "--wait", "--timeout", "120s")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    running = kubectl("get", "deployment", "loadstar-operator", "-n", SYSTEM, "-o", image).stdout
    assert running.endswith(f":{earlier.TAG}")
    goes_on(tasks, "a", 2, known)
    finish(tasks, kubectl, "a")
    assert len(history.pods()) == len(tasks.all()) + 1, "one Pod a Task, and the retry of the one that failed"


def test_crds_first(installed: Earlier, tasks: Tasks, history: History, kubectl: Kubectl, bed: Bed) -> None:
    """The earlier operator under this commit's CRDs, then this operator, then back to the earlier chart whole."""
    tasks.apply(*population("b"))
    known = settled("b", tasks)
    kubectl("apply", "--server-side", "--field-manager=helm", "--force-conflicts", "-f", str(ROOT / "crds"))
    goes_on(tasks, "b", 0, known)
    helm(CHART, own=True)
    Replicas(kubectl, bed).wait_ready()
    goes_on(tasks, "b", 1, known)
    helm(installed.chart, tag=earlier.TAG)
    goes_on(tasks, "b", 2, known)
    finish(tasks, kubectl, "b")
    assert len(history.pods()) == len(tasks.all()) + 1, "one Pod a Task, and the retry of the one that failed"
