"""What a user of one namespace may and may not do through a Task."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import SYSTEM, Kubectl, Tasks, as_yaml, task

USER = "--as=ada"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "secret as variable": (
        {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "crown", "key": "k"}}}]},
        "must name only Secrets that you may get; you may not: crown",
    ),
    "secret as variables": ({"envFrom": [{"secretRef": {"name": "crown"}}]}, "you may not: crown"),
    "secret as volume": ({"volumes": [{"name": "v", "secret": {"secretName": "crown"}}]}, "you may not: crown"),
    "secret projected": (
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "crown"}}]}}]},
        "you may not: crown",
    ),
    "secret to pull with": ({"imagePullSecrets": [{"name": "crown"}]}, "you may not: crown"),
    "config map": ({"envFrom": [{"configMapRef": {"name": "plan"}}]}, "must name only ConfigMaps that you may get"),
    "claim": (
        {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "disk"}}]},
        "must name only PersistentVolumeClaims that you may get",
    ),
    "account": ({"serviceAccountName": "king"}, "must name a ServiceAccount for which you have the verb use"),
}


@pytest.fixture
def user(kubectl: Kubectl, namespace: str) -> str:
    """A user who may manage Tasks in the namespace and nothing else; returns the namespace."""
    kubectl("create", "rolebinding", "ada", "--clusterrole=loadstar-edit", "--user=ada", "-n", namespace)
    return namespace


def test_user_runs_and_deletes_tasks(tasks: Tasks, user: str, kubectl: Kubectl) -> None:
    """Without admin rights a user applies, sees and deletes Tasks; another namespace stays closed."""
    kubectl("apply", USER, "-n", user, "-f", "-", stdin=as_yaml(task("mine")))
    assert tasks.wait_terminal()["mine"]["status"]["state"] == "SUCCESS"
    assert "SUCCESS" in kubectl("get", "ldt", USER, "-n", user).stdout
    kubectl("delete", "ldt", "mine", USER, "-n", user, "--timeout=20s")
    refused = kubectl("get", "ldt", USER, "-n", "default", check=False)
    assert "forbidden" in refused.stderr.lower()


def test_user_cannot_reach_further_through_a_task(user: str, kubectl: Kubectl) -> None:
    """A Task that names what its creator may not read or use is refused and says which; an admin's is not."""
    for case, (worker, said) in REFUSED.items():
        document = as_yaml(task("greedy", worker=worker))
        done = kubectl("apply", USER, "-n", user, "--dry-run=server", "-f", "-", stdin=document, check=False)
        assert done.returncode, case
        assert said in done.stderr, case
        kubectl("apply", "-n", user, "--dry-run=server", "-f", "-", stdin=document)


def test_right_is_enough(user: str, kubectl: Kubectl) -> None:
    """The same user passes once he has the right."""
    kubectl("create", "role", "r", "--verb=use", "--resource=serviceaccounts", "--resource-name=king", "-n", user)
    kubectl("create", "rolebinding", "r", "--role=r", "--user=ada", "-n", user)
    document = as_yaml(task("allowed", worker={"serviceAccountName": "king"}))
    kubectl("apply", USER, "-n", user, "--dry-run=server", "-f", "-", stdin=document)


def test_status_is_the_operators(user: str, kubectl: Kubectl) -> None:
    """A user cannot write a Task's status."""
    kubectl("apply", "-n", user, "-f", "-", stdin=as_yaml(task("t", placement={"nodeSelector": {"no": "where"}})))
    patch = ["--type=merge", "-p", '{"status":{"state":"FAILED"}}']
    done = kubectl("patch", "ldt", "t", USER, "-n", user, "--subresource=status", *patch, check=False)
    assert "forbidden" in done.stderr.lower()


def test_operators_namespace_is_closed(kubectl: Kubectl) -> None:
    """No Task in the operator's own namespace, not even an admin's."""
    done = kubectl("apply", "-n", SYSTEM, "--dry-run=server", "-f", "-", stdin=as_yaml(task("inside")), check=False)
    assert "must be in a namespace other than loadstar-system" in done.stderr


def test_pods_carry_no_token(tasks: Tasks) -> None:
    """Whatever a Task names, its container finds no ServiceAccount token."""
    tasks.apply(task("look", "[ ! -e /var/run/secrets/kubernetes.io/serviceaccount/token ]", retry={"limit": 0}))
    assert tasks.wait_terminal()["look"]["status"]["state"] == "SUCCESS"
