"""The chart and the plain manifests: what they render to and what they refuse.

That an installation is well, and its end, is for test_uninstall.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import loadstar
from tests.e2e.conftest import CHART, ROOT, SYSTEM, Kubectl, call
from tests.image import manifests

Json = dict[str, Any]

KINDS = {"tasks", "taskqueues", "placementpolicies", "taskprofiles"}


def rendered(*options: str) -> list[Json]:
    """Every object of the chart under some `--set` options."""
    words = [word for option in options for word in ("--set", option)]
    text = call("helm", "template", "loadstar", str(CHART), "-n", SYSTEM, "--kube-version", "1.32.0", *words).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def kinds(*options: str) -> list[str]:
    return [document["kind"] for document in rendered(*options)]


def the(documents: list[Json], kind: str, name: str = "loadstar-operator") -> Json:
    return next(item for item in documents if (item["kind"], item["metadata"]["name"]) == (kind, name))


def rights(role: Json) -> set[tuple[str, str]]:
    """Each (resource, verb) of a role."""
    return {(what, verb) for rule in role["rules"] for what in rule["resources"] for verb in rule["verbs"]}


def test_version_is_the_package_version() -> None:
    """The chart's appVersion is the package's version, since the image's tag follows from it."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == loadstar.__version__


def test_lint() -> None:
    """Helm's own linter finds nothing to complain of."""
    call("helm", "lint", "--strict", str(CHART))


def test_manifests_are_current() -> None:
    """manifests/rendered.yaml is what the chart renders to: `make manifests` after every change of the chart."""
    assert manifests.RENDERED.read_text() == manifests.render()


def test_manifests_apply(kubectl: Kubectl) -> None:
    """The API server takes every object of `kubectl apply -k manifests`."""
    kubectl("apply", "-k", str(ROOT / "manifests"), "--dry-run=server")


@pytest.mark.parametrize(
    ("options", "kind", "count"),
    [
        (["crds.install=true"], "CustomResourceDefinition", len(KINDS)),
        (["crds.install=false"], "CustomResourceDefinition", 0),
        (["replicas=2"], "PodDisruptionBudget", 1),
        (["replicas=1"], "PodDisruptionBudget", 0),
        (["replicas=3", "podDisruptionBudget.enabled=false"], "PodDisruptionBudget", 0),
        (["serviceMonitor.enabled=false"], "ServiceMonitor", 0),
        (["serviceMonitor.enabled=true", "serviceMonitor.labels.release=prometheus"], "ServiceMonitor", 1),
    ],
)
def test_option_makes_objects(options: list[str], kind: str, count: int) -> None:
    """A switch makes the objects that it names, and only then."""
    assert kinds(*options).count(kind) == count


def test_crds_are_kept() -> None:
    """Every CRD is kept on uninstall: with it would go every Task."""
    crds = [item for item in rendered() if item["kind"] == "CustomResourceDefinition"]
    assert [item["metadata"]["annotations"]["helm.sh/resource-policy"] for item in crds] == ["keep"] * len(KINDS)


def test_pod_options_arrive() -> None:
    """What is said about the Pod stands in the Pod."""
    deployment = the(
        rendered(
            *("image.repository=registry.example/loadstar", "image.tag=x", "nodeSelector.disk=fast", "logLevel=DEBUG"),
            *("tolerations[0].operator=Exists", "priorityClassName=system-cluster-critical", "podAnnotations.a=b"),
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution=null",
        ),
        "Deployment",
    )
    template = deployment["spec"]["template"]
    pod = template["spec"]
    assert template["metadata"]["annotations"]["a"] == "b"
    assert pod["containers"][0]["image"] == "registry.example/loadstar:x"
    assert pod["nodeSelector"] == {"disk": "fast"}
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert {"name": "LOADSTAR_LOG_LEVEL", "value": "DEBUG"} in pod["containers"][0]["env"]


@pytest.mark.parametrize(
    "option",
    [
        "replicas=0",
        "replicas=two",
        "replicaCount=2",
        "logLevel=LOUD",
        "image.pullPolicy=Sometimes",
        "image.name=loadstar",
        "crds.install=perhaps",
        "loadSources.kubelet.access=Both",
        "loadSources.kubelet.cadvisor=often",
        "loadSources.files.serviceAccountToken=a/b",
        "serviceMonitor.interval=soon",
        "resources=none",
    ],
)
def test_schema_refuses(option: str) -> None:
    """A value that is misspelt or not allowed is refused before anything is installed, and the message names it."""
    done = call("helm", "template", "loadstar", str(CHART), "-n", SYSTEM, "--set", option, check=False)
    assert done.returncode != 0
    assert option.partition("=")[0].rpartition(".")[2] in done.stderr


def test_operator_has_least_rights() -> None:
    """The operator has no wildcard, no Secret, no ConfigMap, no exec, and cannot change a Task's spec or a node.

    It may patch Pods, for the finalizer of trackCompletion and for marks that somebody altered, and replace none.
    """
    documents = rendered()
    for kind in ("ClusterRole", "Role"):
        role = the(documents, kind)
        assert not any("*" in values for rule in role["rules"] for values in rule.values())
        assert not {what for what, _ in rights(role)} & {"secrets", "configmaps", "pods/exec", "serviceaccounts"}
    cluster = rights(the(documents, "ClusterRole"))
    assert ("pods", "update") not in cluster
    for verb in ("update", "patch"):
        assert not {(what, verb) for what in ("tasks", "taskqueues", "placementpolicies", "nodes")} & cluster


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], set()),
        (["loadSources.kubelet.cadvisor=true"], set()),
        (["loadSources.kubelet.access=Proxy"], {"nodes/proxy"}),
        (["loadSources.kubelet.access=Direct"], {"nodes/stats"}),
        (["loadSources.kubelet.access=Direct", "loadSources.kubelet.cadvisor=true"], {"nodes/stats", "nodes/metrics"}),
    ],
)
def test_kubelets_may_be_asked_only_as_far_as_is_said(options: list[str], expected: set[str]) -> None:
    """No right to a kubelet but what the chosen access needs, and that to get alone."""
    found = rights(the(rendered(*options), "ClusterRole"))
    assert {(what, verb) for what, verb in found if what.startswith("nodes/")} == {(what, "get") for what in expected}


def test_files_of_sources_are_mounted() -> None:
    """ConfigMap, Secret and token lie in one read-only folder; without any there is none."""
    plain = the(rendered(), "Deployment")["spec"]["template"]["spec"]
    assert [volume["name"] for volume in plain["volumes"]] == ["tmp"]
    files = ["loadSources.files.configMap=cas", "loadSources.files.secret=tokens"]
    pod = the(rendered(*files, "loadSources.files.serviceAccountToken=own"), "Deployment")["spec"]["template"]["spec"]
    mount = pod["containers"][0]["volumeMounts"][1]
    assert mount == {"name": "source-files", "mountPath": "/etc/loadstar/sources", "readOnly": True}
    assert pod["volumes"][1]["projected"]["sources"] == [
        {"configMap": {"name": "cas", "optional": True}},
        {"secret": {"name": "tokens", "optional": True}},
        {"serviceAccountToken": {"path": "own", "expirationSeconds": 3600}},
    ]


def test_people_never_write_status() -> None:
    """No role for people has a subresource, wildcard or anything beside our kinds; what was learned they may delete."""
    documents = rendered()
    for name in ("loadstar-view", "loadstar-edit", "loadstar-admin"):
        assert {what for what, _ in rights(the(documents, "ClusterRole", name))} <= KINDS
    assert {verb for _, verb in rights(the(documents, "ClusterRole", "loadstar-view"))} == {"get", "list", "watch"}
    edit = rights(the(documents, "ClusterRole", "loadstar-edit"))
    for what, more in (("placementpolicies", set()), ("taskprofiles", {"delete"})):
        assert {verb for kind, verb in edit if kind == what} == {"get", "list", "watch", *more}
