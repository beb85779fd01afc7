"""What the end-to-end tests share: the cluster, the operator installed by Helm, and a namespace for each test."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.bed import Bed
from tests.e2e.__main__ import BED, FIGURES
from tests.e2e.figures import Figures
from tests.e2e.history import History
from tests.e2e.replicas import SYSTEM, Kubectl, Replicas

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "loadstar"
__all__ = ["SYSTEM", "Kubectl"]

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
ROOM = "e2e-room"
"""The label of the nodes that a test's pinned Tasks may use; its value is the test's namespace."""
TERMINAL = {"SUCCESS", "FAILED"}

Json = dict[str, Any]


def call(*words: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command with its output kept; a failure shows what it said."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, timeout=170)
    if check and done.returncode:
        pytest.fail(f"{' '.join(words)} failed ({done.returncode}): {done.stdout}{done.stderr}")
    return done


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """kubectl, as the cluster's administrator."""

    def run(*arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return call("kubectl", *arguments, stdin=stdin, check=check)

    return run


@pytest.fixture(scope="session")
def bed() -> Bed:
    """The test bed itself, for tests that hurt a part of it (marked `bed`)."""
    return Bed(BED)


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Kubectl) -> None:
    """The operator, installed by the chart into a restricted namespace, once."""
    kubectl("create", "namespace", SYSTEM, check=False)
    kubectl("label", "namespace", SYSTEM, RESTRICTED, "--overwrite")
    install()


def install(*values: str) -> None:
    """Install the chart with these values ("name=value"), all others by default, and wait until it is ready."""
    image = os.environ.get("IMAGE", "")
    more = (
        ["--set", f"image.repository={image.rpartition(':')[0]},image.tag={image.rpartition(':')[2]}"] if image else []
    )
    more += [word for value in values for word in ("--set", value)]
    call("helm", "upgrade", "--install", "loadstar", str(CHART), "-n", SYSTEM, "--wait", "--timeout", "120s", *more)


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A fresh namespace that enforces restricted Pods; its end is not waited for."""
    with fresh_namespace(kubectl) as name:
        yield name


@contextmanager
def fresh_namespace(kubectl: Kubectl) -> Iterator[str]:
    """As the fixture `namespace`, for who needs several."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, RESTRICTED)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def task(name: str, script: str = "true", **spec: Any) -> Json:
    """A small Task that runs a line of shell."""
    worker: Json = {
        "image": "busybox:1.35",
        "command": ["sh", "-c", script],
        "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}},
    }
    worker.update(spec.pop("worker", {}))
    return {
        "apiVersion": "loadstar.dev/v1alpha1",
        "kind": "Task",
        "metadata": {"name": name},
        "spec": {"worker": worker, **spec},
    }


def as_yaml(*documents: Json) -> str:
    """Several objects for `kubectl apply -f -`."""
    return yaml.safe_dump_all(documents)


class Tasks:
    """Tasks of one namespace."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self.kubectl = kubectl
        self.namespace = namespace

    def apply(self, *documents: Json) -> None:
        """Apply objects."""
        self.kubectl("apply", "-n", self.namespace, "-f", "-", stdin=as_yaml(*documents))

    def get(self, name: str) -> Json:
        """One Task."""
        return dict(json.loads(self.kubectl("get", "ldt", name, "-n", self.namespace, "-o", "json").stdout))

    def all(self) -> dict[str, Json]:
        """All Tasks by name."""
        items = json.loads(self.kubectl("get", "ldt", "-n", self.namespace, "-o", "json").stdout)["items"]
        return {item["metadata"]["name"]: item for item in items}

    def pods(self) -> list[Json]:
        """All Pods."""
        return list(json.loads(self.kubectl("get", "pods", "-n", self.namespace, "-o", "json").stdout)["items"])

    def wait(self, done: Callable[[dict[str, Json]], bool], seconds: float = 60) -> dict[str, Json]:
        """Return all Tasks once `done` says so; fails with what they were."""
        end = time.monotonic() + seconds
        while True:
            tasks = self.all()
            if done(tasks):
                return tasks
            if time.monotonic() > end:
                states = {name: item.get("status") for name, item in tasks.items()}
                pytest.fail(f"not in {seconds:g} s: {json.dumps(states, indent=1)}")
            time.sleep(0.5)

    def touch(self, pod: str, file: str, seconds: float = 30) -> None:
        """Make a file in a Pod's container; a kubelet that has just begun does not know its Pods yet."""
        end = time.monotonic() + seconds
        words = ("exec", pod, "-n", self.namespace, "--", "touch", file)
        while (done := self.kubectl(*words, check=False)).returncode:
            if time.monotonic() > end:
                pytest.fail(f"{' '.join(words)}: {done.stderr}")
            time.sleep(0.5)

    def wait_terminal(self, seconds: float = 60) -> dict[str, Json]:
        """Return all Tasks once each is SUCCESS or FAILED."""
        return self.wait(lambda tasks: all(t["status"]["state"] in TERMINAL for t in tasks.values()), seconds)

    def wait_reason(self, name: str, reason: str, seconds: float = 60) -> Json:
        """Return the Task once it carries the reason."""
        return self.wait(lambda tasks: tasks[name]["status"]["reason"] == reason, seconds)[name]


@pytest.fixture
def tasks(kubectl: Kubectl, namespace: str) -> Tasks:
    """The Tasks of the test's namespace."""
    return Tasks(kubectl, namespace)


@pytest.fixture
def history(namespace: str) -> Iterator[History]:
    """All that happens to the namespace's Tasks and Pods; that no rule was broken is asserted at the end."""
    with History(namespace) as history:
        yield history
    assert history.violations() == []


@pytest.fixture
def replicas(kubectl: Kubectl, bed: Bed) -> Replicas:
    """The operator's replicas, all of them ready."""
    replicas = Replicas(kubectl, bed)
    replicas.wait_ready()
    return replicas


@pytest.fixture
def rooms(replicas: Replicas, kubectl: Kubectl, namespace: str) -> Iterator[list[str]]:
    """The nodes, one without a replica of the operator first; only that one is open to the test's Tasks at first."""
    used = [pod["spec"].get("nodeName", "") for pod in replicas.pods()]
    names = [item.partition("/")[2] for item in kubectl("get", "nodes", "-l", "type=real", "-o", "name").stdout.split()]
    ordered = sorted(names, key=used.count)
    kubectl("label", "--overwrite", "node", ordered[0], f"{ROOM}={namespace}")
    yield ordered
    kubectl("label", "node", *ordered, f"{ROOM}-")


@pytest.fixture(scope="session")
def figures() -> Figures:
    """Where measured figures go."""
    path = os.environ.get(FIGURES)
    return Figures(Path(path) if path else None)
