"""Bad input is refused where it enters, with a message that says what is allowed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from loadstar.core.states import TRANSITIONS, State
from tests.e2e.conftest import Json, Kubectl, as_yaml, task


def changed(path: str, value: Any) -> Json:
    """A good Task with one thing made bad; `path` as in spec.worker.env."""
    document = copy.deepcopy(task("bad"))
    *folders, last = path.split(".")
    place = document
    for name in folders:
        place = place.setdefault(name, {})
    place[last] = value
    return document


ENV = "spec.worker.env"
VOLUMES = "spec.worker.volumes"
INVALID: dict[str, tuple[Json, str]] = {
    "name with dots": (changed("metadata.name", "a.b"), "must be named by a DNS label"),
    "name too long": (changed("metadata.name", "a" * 64), "at most 63"),
    "no worker and no type": (changed("spec", {"priority": 5}), "must have worker, or a type"),
    "no image": (changed("spec.worker", {"command": ["x"]}), "spec.worker.image: Required value"),
    "unknown field": (changed("spec.workers", {}), 'unknown field "spec.workers"'),
    "a Pod template": (changed("spec.worker.hostNetwork", True), 'unknown field "spec.worker.hostNetwork"'),
    "priority too high": (changed("spec.priority", 1001), "less than or equal to 1000"),
    "priority negative": (changed("spec.priority", -1), "greater than or equal to 0"),
    "priority as text": (changed("spec.priority", "high"), "must be of type integer"),
    "unknown strategy": (changed("spec.placement.strategy", "Best"), 'supported values: "LoadAware", "KubeScheduler"'),
    "weights do not sum": (
        changed("spec.placement.weights", {"cpu": 0.5, "memory": 0.5, "io": 0.5}),
        "must be three numbers from 0 to 1 that sum to 1",
    ),
    "weight too large": (
        changed("spec.placement.weights", {"cpu": 2, "memory": 0, "io": 0}),
        "less than or equal to 1",
    ),
    "capability no label name": (changed("spec.placement.requires", ["a/b"]), "should match"),
    "capability twice": (changed("spec.placement.requires", ["ssd", "ssd"]), "Duplicate value"),
    "selector value": (changed("spec.placement.nodeSelector", {"zone": "a b"}), "should match"),
    "selector key": (changed("spec.placement.nodeSelector", {"a b": "c"}), "must have keys of at most"),
    "toleration operator": (
        changed("spec.placement.tolerations", [{"key": "a", "operator": "In"}]),
        "supported values",
    ),
    "toleration with value and Exists": (
        changed("spec.placement.tolerations", [{"key": "a", "operator": "Exists", "value": "b"}]),
        "must have no value when operator is Exists",
    ),
    "retry limit": (changed("spec.retry.limit", 101), "less than or equal to 100"),
    "backoff factor": (changed("spec.retry.backoff", {"factor": 0.5}), "greater than or equal to 1"),
    "backoff order": (
        changed("spec.retry.backoff", {"initialSeconds": 60, "maxSeconds": 10}),
        "must have maxSeconds of at least initialSeconds",
    ),
    "deadline zero": (changed("spec.timeouts.runSeconds", 0), "greater than or equal to 1"),
    "ttl negative": (changed("spec.ttlSecondsAfterFinished", -1), "greater than or equal to 0"),
    "type no label": (changed("spec.type", "Image!"), "should match"),
    "description too long": (changed("spec.description", "x" * 1025), "may not be more than 1024"),
    "image with spaces": (changed("spec.worker.image", "busy box"), "should match"),
    "quantity": (changed("spec.worker.resources", {"requests": {"cpu": "lots"}}), "should match"),
    "unknown resource": (
        changed("spec.worker.resources", {"requests": {"cores": "1"}}),
        "must be cpu, memory, ephemeral-storage or an extended resource",
    ),
    "request over limit": (
        changed("spec.worker.resources", {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        "must request at most the limit",
    ),
    "root": (changed("spec.worker.securityContext", {"runAsUser": 0}), "greater than or equal to 1"),
    "privileged": (changed("spec.worker.securityContext", {"privileged": True}), "unknown field"),
    "env name": (changed(ENV, [{"name": "1X", "value": "y"}]), "should match"),
    "env reserved": (changed(ENV, [{"name": "LOADSTAR_PART", "value": "1"}]), "must be a name outside LOADSTAR_*"),
    "env twice": (changed(ENV, [{"name": "X"}, {"name": "X"}]), "Duplicate value"),
    "env value and source": (
        changed(ENV, [{"name": "X", "value": "y", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        "must have value or valueFrom, not both",
    ),
    "env two sources": (
        changed(
            ENV,
            [
                {
                    "name": "X",
                    "valueFrom": {
                        "fieldRef": {"fieldPath": "metadata.name"},
                        "configMapKeyRef": {"name": "a", "key": "b"},
                    },
                }
            ],
        ),
        "must name exactly one of configMapKeyRef",
    ),
    "field path": (changed(ENV, [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec"}}}]), "should match"),
    "hostPath": (changed(VOLUMES, [{"name": "a", "hostPath": {"path": "/"}}]), "unknown field"),
    "volume without source": (changed(VOLUMES, [{"name": "a"}]), "must name exactly one of emptyDir"),
    "mount without volume": (
        changed("spec.worker.volumeMounts", [{"name": "data", "mountPath": "/data"}]),
        "must mount only volumes that this worker names",
    ),
    "relative mount": (changed("spec.worker.volumeMounts", [{"name": "a", "mountPath": "data"}]), "should match"),
    "system priority class": (
        changed("spec.worker.priorityClassName", "system-node-critical"),
        "must be a PriorityClass outside system-*",
    ),
    "account name": (changed("spec.worker.serviceAccountName", "../x"), "should match"),
}


@pytest.mark.parametrize("case", INVALID)
def test_refused_with_what_is_allowed(case: str, kubectl: Kubectl) -> None:
    """`kubectl apply` refuses it and says what is allowed."""
    document, said = INVALID[case]
    done = kubectl("apply", "-n", "default", "--dry-run=server", "-f", "-", stdin=as_yaml(document), check=False)
    assert done.returncode != 0
    assert said in done.stderr


def test_the_good_one_is_taken(kubectl: Kubectl) -> None:
    """What the bad ones are made from is good: each is refused for its one fault."""
    kubectl("apply", "-n", "default", "--dry-run=server", "-f", "-", stdin=as_yaml(task("bad")))


def test_new_task_is_pending_without_a_write(kubectl: Kubectl) -> None:
    """The schema's default gives a new Task its state."""
    made = kubectl("create", "-n", "default", "--dry-run=server", "-o", "json", "-f", "-", stdin=as_yaml(task("new")))
    status = json.loads(made.stdout)["status"]
    assert (status["state"], status["reason"], status["attempt"]) == ("PENDING", "Queued", 0)


def test_policy_has_one_name(kubectl: Kubectl) -> None:
    """Only the PlacementPolicy `default` can be."""
    other = {"apiVersion": "loadstar.dev/v1alpha1", "kind": "PlacementPolicy", "metadata": {"name": "mine"}, "spec": {}}
    done = kubectl("apply", "--dry-run=server", "-f", "-", stdin=as_yaml(other), check=False)
    assert "must be named default" in done.stderr


@pytest.mark.parametrize("path", ["worker/image", "retry", "timeouts", "placement", "type"])
def test_spec_is_immutable(path: str, kubectl: Kubectl, namespace: str) -> None:
    """What a Task runs cannot change under it; priority can."""
    fixed = task("fixed", placement={"nodeSelector": {"no": "where"}})
    kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(fixed))
    value = {
        "worker/image": {"worker": {"image": "other:1"}},
        "retry": {"retry": {"limit": 9}},
        "timeouts": {"timeouts": {"runSeconds": 9}},
        "placement": {"placement": None},
        "type": {"type": "image"},
    }[path]
    patch = json.dumps({"spec": value})
    done = kubectl("patch", "ldt", "fixed", "-n", namespace, "--type=merge", "-p", patch, check=False)
    assert "must stay as it was created; only description, priority" in done.stderr
    kubectl("patch", "ldt", "fixed", "-n", namespace, "--type=merge", "-p", '{"spec":{"priority":900}}')


def test_illegal_transitions_are_refused_by_the_api_server(kubectl: Kubectl, namespace: str) -> None:
    """Every edge that the table does not have is refused on /status, whoever writes; the state stays."""

    def write(name: str, state: State) -> str:
        patch = json.dumps({"status": {"state": state}})
        where = ["ldt", name, "-n", namespace, "--subresource=status", "--type=merge"]
        return kubectl("patch", *where, "-p", patch, "--dry-run=server", check=False).stderr

    def move(name: str, *states: State) -> None:
        for state in states:
            patch = json.dumps({"status": {"state": state}})
            kubectl("patch", "ldt", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)

    ways: dict[State, tuple[State, ...]] = {
        State.SUCCESS: (State.ASSIGNED, State.RUNNING, State.SUCCESS),
        State.FAILED: (State.FAILED,),
        State.PENDING: (),
    }
    nowhere = {"nodeSelector": {"no": "where"}}
    for old, way in ways.items():
        name = f"at-{old.lower()}"
        kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(task(name, placement=nowhere)))
        move(name, *way)
        for new in State:
            said = write(name, new)
            if new is old or new in TRANSITIONS[old]:
                assert not said
            elif old.terminal:
                assert f"must stay {old}: the state is final" in said
            else:
                assert f"after {old}" in said
