"""What a person of a namespace may do with Tasks, and what he may not reach through them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import SYSTEM, Kubectl, as_yaml, task

Json = dict[str, Any]
Jane = Callable[..., "subprocess.CompletedProcess[str]"]
USER = "jane@example.com"
MOST = 20

NAMING: dict[str, tuple[Json, str]] = {
    "env-secret": (
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "k"}}}]},
        "secrets/x",
    ),
    "env-config": (
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "k"}}}]},
        "configmaps/x",
    ),
    "all-of-secret": ({"envFrom": [{"secretRef": {"name": "x"}}]}, "secrets/x"),
    "all-of-config": ({"envFrom": [{"configMapRef": {"name": "x"}}]}, "configmaps/x"),
    "pull-secret": ({"imagePullSecrets": [{"name": "x"}]}, "secrets/x"),
    "secret-volume": ({"volumes": [{"name": "v", "secret": {"secretName": "x"}}]}, "secrets/x"),
    "config-volume": ({"volumes": [{"name": "v", "configMap": {"name": "x"}}]}, "configmaps/x"),
    "claim": (
        {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]},
        "persistentvolumeclaims/x",
    ),
    "projected-secret": (
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "x"}}]}}]},
        "secrets/x",
    ),
    "projected-last": (
        {
            "volumes": [
                {"name": "u", "emptyDir": {}},
                {
                    "name": "v",
                    "projected": {
                        "sources": [
                            {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}}
                        ]
                        * 15
                        + [{"configMap": {"name": "x"}}]
                    },
                },
            ]
        },
        "configmaps/x",
    ),
    "second-of-two": (
        {
            "envFrom": [{"secretRef": {"name": "known"}}],
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "k"}}}],
        },
        "secrets/x",
    ),
    "account": ({"serviceAccountName": "builder"}, "serviceaccounts/builder"),
}


def secrets_named(*names: str) -> Json:
    """A worker that names these Secrets."""
    return {
        "env": [
            {"name": f"A{number}", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}
            for number, name in enumerate(names)
        ]
    }


def role(name: str, verb: str, resource: str, *names: str) -> tuple[Json, Json]:
    """A right of the user in a namespace, to objects of these names."""
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
    rule: Json = {"apiGroups": [""], "resources": [resource], "verbs": [verb]}
    if names:
        rule["resourceNames"] = list(names)
    return {**head, "kind": "Role", "rules": [rule]}, bound(name, "Role", name)


def bound(name: str, kind: str, to: str) -> Json:
    """A binding of the user to a role."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": to},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    }


@pytest.fixture(scope="module", autouse=True)
def in_force(kubectl: Kubectl) -> None:
    """The API server takes a moment to see a new policy: wait until it refuses what nobody may do."""
    for _ in range(40):
        if kubectl(
            "create", "--dry-run=server", "-n", SYSTEM, "-f", "-", stdin=as_yaml(task("x")), check=False
        ).returncode:
            return
        time.sleep(0.5)
    pytest.fail("loadstar-tasks is not in force")


@pytest.fixture
def jane(kubectl: Kubectl, namespace: str) -> Jane:
    """How a user calls kubectl who has the chart's ClusterRole loadstar-edit in the test's namespace, nothing else."""
    kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(bound("jane", "ClusterRole", "loadstar-edit")))

    def run(*arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return kubectl("-n", namespace, f"--as={USER}", *arguments, stdin=stdin, check=check)

    return run


def grant(kubectl: Kubectl, namespace: str, *roles: tuple[Json, Json]) -> None:
    """Give the user these rights, and wait until the API server knows the last of them."""
    kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(*(item for pair in roles for item in pair)))
    last = roles[-1][0]["rules"][0]
    asked = f"{last['resources'][0]}/{last['resourceNames'][0]}" if "resourceNames" in last else last["resources"][0]
    question = ("auth", "can-i", last["verbs"][0], asked, "-n", namespace, f"--as={USER}")
    for _ in range(40):
        if kubectl(*question, check=False).stdout.strip() == "yes":
            return
        time.sleep(0.1)
    pytest.fail(f"{USER} was not given the right to {last}")


def test_user_applies_sees_and_deletes(jane: Jane) -> None:
    """Who has loadstar-edit applies a Task, follows it to its end, changes its priority before, and deletes it."""
    jane("apply", "-f", "-", stdin=as_yaml(task("mine", "sleep 1")))
    jane("patch", "ldt", "mine", "--type=merge", "-p", '{"spec": {"description": "Jane\'s"}}')
    jane("wait", "--for=jsonpath={.status.state}=SUCCESS", "ldt/mine", "--timeout=60s")
    assert "mine" in jane("get", "ldt").stdout
    jane("delete", "ldt", "mine")
    assert jane("get", "ldt", "-o", "name").stdout == ""


def test_user_stays_in_his_place(jane: Jane) -> None:
    """The same user writes no status, sees no other namespace, and leaves the PlacementPolicy to the administrator."""
    jane("apply", "-f", "-", stdin=as_yaml(task("mine", placement={"requires": ["nowhere"]})))
    patch = json.dumps({"status": {"state": "FAILED"}})
    done = jane("patch", "ldt", "mine", "--subresource=status", "--type=merge", "-p", patch, check=False)
    assert 'resource "tasks/status"' in done.stderr
    for verb in ("patch", "update"):
        assert jane("auth", "can-i", verb, "tasks.loadstar.dev", "--subresource=status", check=False).stdout == "no\n"
    done = jane("get", "ldt", "-n", "default", check=False)
    assert 'cannot list resource "tasks"' in done.stderr
    done = jane("patch", "ldp", "default", "--type=merge", "-p", '{"spec": {"thresholds": {"hot": 1}}}', check=False)
    assert 'resource "placementpolicies"' in done.stderr
    for verb in ("create", "patch", "update"):
        assert jane("auth", "can-i", verb, "taskprofiles.loadstar.dev", check=False).stdout == "no\n"


def test_user_names_only_what_he_may_read(jane: Jane, kubectl: Kubectl, namespace: str) -> None:
    """A Task names a Secret, ConfigMap or claim only if its creator may get it, a ServiceAccount if he may use it.

    Whichever field names it; the refusal says the name and the right. The administrator is not refused.
    """
    grant(kubectl, namespace, role("known", "get", "secrets", "known"))
    documents = as_yaml(*(task(name, worker=fields) for name, (fields, _) in NAMING.items()))
    done = jane("create", "--dry-run=server", "-f", "-", stdin=documents, check=False)
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error from server (Forbidden)")]
    for (name, (_, missing)), line in zip(NAMING.items(), lines, strict=True):
        verb, right = ("use", "a ServiceAccount that you may use") if name == "account" else ("get", "that you may get")
        assert f'"{name}" is forbidden' in line
        assert right in line
        assert f"{USER} has no right to {verb} {missing} in namespace {namespace}" in line
    done = kubectl("create", "--dry-run=server", "-n", namespace, "-f", "-", stdin=documents)
    assert len(done.stdout.splitlines()) == len(NAMING)


def test_rights_open_what_they_name(jane: Jane, kubectl: Kubectl, namespace: str) -> None:
    """With the right to the one name the Task is taken; a worker that says nothing, or `default`, needs none."""
    rights = {"secrets": "x", "configmaps": "x", "persistentvolumeclaims": "x"}
    grant(
        kubectl,
        namespace,
        role("known", "get", "secrets", "known"),
        *(role(resource, "get", resource, name) for resource, name in rights.items()),
        role("builder", "use", "serviceaccounts", "builder"),
    )
    fine = [task(name, worker=fields) for name, (fields, _) in NAMING.items()]
    fine += [task("default-account", worker={"serviceAccountName": "default"}), task("of-a-type", type="image")]
    done = jane("create", "--dry-run=server", "-f", "-", stdin=as_yaml(*fine))
    assert len(done.stdout.splitlines()) == len(fine)


def test_many_names(jane: Jane, kubectl: Kubectl, namespace: str) -> None:
    """One name counts once however often it stands; beyond 20 names the right to the whole kind is needed."""
    names = [f"s{number}" for number in range(MOST + 5)]
    grant(
        kubectl,
        namespace,
        role("builder", "use", "serviceaccounts", "builder"),
        role("some", "get", "secrets", *names),
    )
    account = {"serviceAccountName": "builder"}
    fits, beyond = (
        task("fits", worker=secrets_named(*names[:MOST] * 3) | account),
        task("beyond", worker=secrets_named(*names)),
    )
    jane("create", "--dry-run=server", "-f", "-", stdin=as_yaml(fits))
    done = jane("create", "--dry-run=server", "-f", "-", stdin=as_yaml(beyond), check=False)
    assert f"must name at most {MOST} different Secrets, ConfigMaps and PersistentVolumeClaims" in done.stderr
    last = task("last", worker=secrets_named(*names[: MOST - 1], "x"))
    done = jane("create", "--dry-run=server", "-f", "-", stdin=as_yaml(last), check=False)
    assert "no right to get secrets/x" in done.stderr
    grant(kubectl, namespace, role("all", "get", "secrets"))
    jane("create", "--dry-run=server", "-f", "-", stdin=as_yaml(beyond))


def test_edits_ask_for_no_names(jane: Jane, kubectl: Kubectl, namespace: str) -> None:
    """Whoever may edit a Task changes its priority, although another made it and named what he may not read."""
    held = task("held", worker=secrets_named("x"), placement={"requires": ["nowhere"]})
    kubectl("create", "-n", namespace, "-f", "-", stdin=as_yaml(held))
    jane("patch", "ldt", "held", "--type=merge", "-p", '{"spec": {"priority": 900}}')


def test_operators_namespace_is_closed(kubectl: Kubectl) -> None:
    """Nobody runs Tasks beside the operator, not even the administrator."""
    done = kubectl("create", "--dry-run=server", "-n", SYSTEM, "-f", "-", stdin=as_yaml(task("x")), check=False)
    assert f"must be in a namespace other than {SYSTEM}, which is the operator's own" in done.stderr
