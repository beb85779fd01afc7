"""Learned requests on real nodes: a class that declares too much is learned, a kill is survived, profiles may go."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cgroups import ROOT
from tests.e2e.conftest import Json, Kubectl, Tasks, as_yaml, install, task
from tests.e2e.test_cli import loadstar

pytestmark = pytest.mark.bed

MI = 2**20
SECONDS = 40
"""Kubelets look at their containers every 10 to 15 s, and two looks are needed."""
DECLARED = {"cpu": "100m", "memory": "128Mi"}
CLASS = "class-waste"


def wasteful(name: str, seconds: int = SECONDS, **spec: Any) -> Json:
    """A Task that uses next to nothing of what it declares."""
    made = task(name, f"sleep {seconds}", worker={"resources": {"requests": DECLARED}}, **spec)
    made["metadata"]["labels"] = {"loadstar.dev/class": "waste"}
    return made


@pytest.fixture(scope="module", autouse=True)
def measured(kubectl: Kubectl) -> Iterator[None]:
    """Kubelets tell what Pods use, and requests are learned; afterwards all is as before."""
    install("loadSources.kubelet.access=Proxy")
    kubectl("wait", "--for=create", "ldp/default", "--timeout=60s")
    patch(kubectl, requests="Learned", metrics={"sources": {"pods": "Kubelet"}})
    yield
    patch(kubectl, requests="Declared", metrics={"sources": {"pods": None}})
    install()


def patch(kubectl: Kubectl, **spec: Any) -> None:
    """Edit the PlacementPolicy."""
    kubectl("patch", "ldp", "default", "--type=merge", "-p", json.dumps({"spec": spec}))


def profile(tasks: Tasks) -> Json:
    """The status of the class's TaskProfile; empty when there is none."""
    found = tasks.kubectl("get", "ldtp", CLASS, "-n", tasks.namespace, "-o", "json", check=False)
    return dict(json.loads(found.stdout).get("status", {})) if found.returncode == 0 else {}


def until(done: Callable[[], Any], seconds: float, what: str) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what} not in {seconds:g} s"
        time.sleep(1)


def requests_of(tasks: Tasks, name: str) -> dict[str, str]:
    """What the Pod of a Task's latest attempt asks for."""
    pod = tasks.get(name)["status"]["pod"]
    found = next(item for item in tasks.pods() if item["metadata"]["name"] == pod)
    return dict(found["spec"]["containers"][0]["resources"]["requests"])


def container(pod: Json) -> Path:
    """The memory cgroup of a Pod's container."""
    identity = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    return next((ROOT / "memory").rglob(f"*{identity}*"))


def limit_memory(pod: Json, limit: int) -> None:
    """Let no more memory be there for a Pod's container, whatever it may have: as on a node that is short of it."""
    where = container(pod)
    for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
        if (where / name).exists():
            (where / name).write_text(str(limit))


def test_a_class_is_learned_and_survives_what_befalls_it(tasks: Tasks, kubectl: Kubectl) -> None:
    """Six runs teach it: the next ones ask for less, one is killed for it and comes through free of charge.

    Its TaskProfile is for people; deleted or spoiled it costs no Task, and what is declared is asked for again.
    """
    tasks.apply(*(wasteful(f"teach-{number}") for number in range(6)))
    found = tasks.wait_terminal(SECONDS + 50)
    assert {one["status"]["state"] for one in found.values()} == {"SUCCESS"}
    assert all(
        "requested" not in one["status"].get("resources", {}) or one["status"]["resources"]["requested"] == DECLARED
        for one in found.values()
    )
    assert sum("used" in one["status"].get("resources", {}) for one in found.values()) >= 5, found
    until(lambda: profile(tasks).get("requests"), 40, "a TaskProfile with requests")
    asks = profile(tasks)["requests"]
    assert asks == {"cpu": "10m", "memory": "16Mi"}, "sleeping needs no more than the floor"

    eat = "[ $LOADSTAR_ATTEMPT -gt 1 ] || { until [ -e /tmp/go ]; do sleep 0.2; done; exec tail -c 60m /dev/zero; }"
    hungry = wasteful("hungry")
    hungry["spec"]["worker"]["command"] = ["sh", "-c", eat]
    tasks.apply(hungry, wasteful("next", 1), wasteful("firm", 1, placement={"requiresDeclared": True}))
    pending = tasks.wait(lambda all_: all_["hungry"]["status"]["state"] == "RUNNING", 30)["hungry"]["status"]
    assert pending["resources"]["requested"] == asks
    assert pending["resources"]["declared"] == DECLARED
    assert pending["resources"]["percentile"] == 100
    assert "expectedEndTime" in pending
    assert requests_of(tasks, "hungry") == asks
    assert requests_of(tasks, "next") == asks
    assert requests_of(tasks, "firm") == DECLARED

    pod = next(item for item in tasks.pods() if item["metadata"]["name"] == pending["pod"])
    limit_memory(pod, 24 * MI)
    tasks.touch(pending["pod"], "/tmp/go")
    ended = tasks.wait_terminal(40)["hungry"]["status"]
    assert (ended["state"], ended["attempt"]) == ("SUCCESS", 2)
    assert "failures" not in ended
    assert [one["reason"] for one in ended["attempts"]] == ["OOMKilled"]
    assert ended["resources"]["killedAt"] == "16Mi"
    assert requests_of(tasks, "hungry") == {"cpu": "10m", "memory": DECLARED["memory"]}

    said = loadstar("profile", CLASS, "-n", tasks.namespace)
    assert re.search(r"asks for +cpu 10m", said), said
    assert "cores in the mean" in said
    until(lambda: "1 OOMs caused" in loadstar("profile", CLASS, "-n", tasks.namespace), 30, "the kill in the profile")
    assert "killed for memory" in loadstar("savings", "-n", tasks.namespace)
    assert "instead of cpu 100m" in loadstar("why", "next", "-n", tasks.namespace)

    spoiled = json.dumps({"status": {"cpu": {"mean": 1, "count": -4}}})
    refused = kubectl("patch", "ldtp", CLASS, "-n", tasks.namespace, "--type=merge", "-p", spoiled, check=False)
    assert refused.returncode, "the schema refuses what cannot be"
    kubectl("patch", "ldtp", CLASS, "-n", tasks.namespace, "--type=merge", "-p", '{"status":{"peaks":null,"runs":0}}')
    kubectl("delete", "ldtp", CLASS, "-n", tasks.namespace)
    time.sleep(2)
    tasks.apply(wasteful("anew", 1))
    assert tasks.wait_terminal(30)["anew"]["status"]["state"] == "SUCCESS"
    assert requests_of(tasks, "anew") == DECLARED


def profile_of(values: Json, namespace: str) -> str:
    """A TaskProfile as an operator of before may have left it."""
    document = {
        "apiVersion": "loadstar.dev/v1alpha1",
        "kind": "TaskProfile",
        "metadata": {"name": CLASS, "namespace": namespace},
        "status": values,
    }
    return as_yaml(document)


KNOWN = {
    "image": "busybox:1.35",
    "runs": 9,
    "cpu": {"mean": 0.02, "deviation": 0.001, "count": 9},
    "memory": {"p50": "20Mi", "p90": "20Mi", "p99": "20Mi", "max": "20Mi", "count": 9},
    "peaks": [{"bytes": 20 * MI, "weight": 9}],
    "lastSeenTime": "2026-01-01T00:00:00Z",
    "writtenTime": "2026-01-01T00:00:00Z",
}


def test_a_limit_range_is_respected(tasks: Tasks, kubectl: Kubectl) -> None:
    """A Pod that asks for less than its minimum is refused once; then its class asks for what it declares, at once."""
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "least"},
        "spec": {"limits": [{"type": "Container", "min": {"memory": "64Mi"}}]},
    }
    kubectl("apply", "-n", tasks.namespace, "-f", "-", stdin=as_yaml(limits))
    kubectl("apply", "-f", "-", stdin=profile_of(dict(KNOWN, lastSeenTime=now(), writtenTime=now()), tasks.namespace))
    time.sleep(2)
    tasks.apply(wasteful("least-0", 1))
    first = tasks.wait_terminal(20)["least-0"]["status"]
    assert first["state"] == "SUCCESS"
    assert [one["reason"] for one in first["attempts"]] == ["PodCreateForbidden"]
    assert requests_of(tasks, "least-0") == DECLARED
    tasks.apply(wasteful("least-1", 1))
    assert "attempts" not in tasks.wait_terminal(20)["least-1"]["status"]


def now() -> str:
    """The time, as objects have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def test_without_load_samples_what_is_declared_is_asked_for(tasks: Tasks, kubectl: Kubectl) -> None:
    """Nobody knows then whether a node has room in truth."""
    kubectl("apply", "-f", "-", stdin=profile_of(dict(KNOWN, lastSeenTime=now(), writtenTime=now()), tasks.namespace))
    time.sleep(2)
    tasks.apply(wasteful("known", 1))
    tasks.wait_terminal(20)
    assert requests_of(tasks, "known")["memory"] == "24Mi"
    patch(kubectl, metrics={"staleSeconds": 10, "periodSeconds": 300})
    try:
        time.sleep(14)
        tasks.apply(wasteful("blind", 1))
        assert tasks.wait_terminal(20)["blind"]["status"]["state"] == "SUCCESS"
        assert requests_of(tasks, "blind") == DECLARED
    finally:
        patch(kubectl, metrics={"staleSeconds": 180, "periodSeconds": 5})
