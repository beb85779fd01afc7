"""The Pod of an attempt: restricted, pinned, and nothing that the worker does not name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadstar.api import convert
from loadstar.core.model import Placement, Toleration
from loadstar.core.resources import Asks
from loadstar.core.template import Template
from loadstar.kube import translate
from loadstar.kube.manifests import pod_manifest
from tests.unit.core.builders import task


def manifest(worker: dict[str, Any], node: str = "a", **placement: Any) -> dict[str, Any]:
    read = convert.worker({"image": "i:1", **worker})
    assert read is not None
    return pod_manifest(task(run_seconds=60), Template(read, Placement(**placement), ("gpu",), ()), 2, node)


def test_restricted_settings_are_filled_in() -> None:
    """Whatever the worker says, the Pod passes Pod security `restricted` and carries no token."""
    spec = manifest({})["spec"]
    container = spec["containers"][0]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert spec["activeDeadlineSeconds"] == 60
    assert {"name": "loadstar-tmp", "mountPath": "/tmp"} in container["volumeMounts"]


@pytest.mark.parametrize("field", ["hostNetwork", "hostPID", "privileged", "initContainers", "nodeName", "containers"])
def test_unknown_fields_never_reach_the_pod(field: str) -> None:
    """Even if the schema let it through, a field that is not named here is not copied."""
    assert field == "containers" or field not in str(manifest({field: "evil"}))
    assert "evil" not in str(manifest({field: "evil"}))


def test_a_worker_only_tightens() -> None:
    """User numbers and a writable root may be said; capabilities and privilege may not."""
    asked = {"runAsUser": 7, "readOnlyRootFilesystem": False, "allowPrivilegeEscalation": True, "capabilities": {}}
    spec = manifest({"securityContext": asked})["spec"]
    assert spec["securityContext"]["runAsUser"] == 7
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is False
    assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


def test_pinned_by_name_with_owner_and_labels() -> None:
    """The Pod is pinned to the node, owned by the Task, and says its attempt."""
    made = manifest({})
    affinity = made["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = affinity["nodeSelectorTerms"]
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["a"]}]
    assert term["matchExpressions"] == [{"key": "capability.loadstar.dev/gpu", "operator": "Exists"}]
    assert made["metadata"]["name"] == "t-01234-0-2"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "0123456789"
    assert made["metadata"]["labels"]["loadstar.dev/attempt"] == "2"


def test_nodes_that_are_as_good_are_named_too() -> None:
    """One term a node, since a term takes one name, each with what is required; the chosen one is preferred."""
    read = convert.worker({"image": "i:1"})
    assert read is not None
    made = pod_manifest(task(), Template(read, Placement(), ("gpu",), ("ssd",)), 1, "a", ("b", "c"))
    affinity = made["spec"]["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert [term["matchFields"][0]["values"] for term in terms] == [["a"], ["b"], ["c"]]
    assert all(term["matchExpressions"][0]["key"] == "capability.loadstar.dev/gpu" for term in terms)
    preferred = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [(item["weight"], item["preference"]["matchFields"][0]["values"]) for item in preferred] == [
        (100, ["a"]),
        (60, ["b"]),
        (30, ["c"]),
    ]
    assert translate.pod({**made, "metadata": {**made["metadata"], "uid": "u"}}).named == ("a", "b", "c")


def test_own_variables_cannot_be_replaced() -> None:
    """LOADSTAR_* are the operator's; HOME is the worker's if it says so."""
    env = manifest({"env": [{"name": "LOADSTAR_ATTEMPT", "value": "9"}, {"name": "HOME", "value": "/h"}]})
    values = [(item["name"], item.get("value")) for item in env["spec"]["containers"][0]["env"]]
    assert ("LOADSTAR_ATTEMPT", "2") in values
    assert [value for name, value in values if name == "LOADSTAR_ATTEMPT"] == ["2"]
    assert [value for name, value in values if name == "HOME"] == ["/h"]


def test_long_names_stay_legal() -> None:
    """A Task name of 63 characters still gives a Pod name of at most 63."""
    read = convert.worker({"image": "i"})
    assert read is not None
    made = pod_manifest(replace(task(), name="x" * 63), Template(read, Placement(), (), ()), 100, "")
    assert len(made["metadata"]["name"]) <= 63
    assert "affinity" not in made["spec"]


def test_tolerations_keep_the_tasks_own() -> None:
    """Trouble of the node is tolerated for 30 s unless the Task says otherwise."""
    key = "node.kubernetes.io/unreachable"
    tolerations = manifest({}, tolerations=(Toleration(key=key, operator="Exists"),))["spec"]["tolerations"]
    assert [item.get("tolerationSeconds") for item in tolerations if item["key"] == key] == [None]
    assert {item["key"] for item in tolerations} >= {"node.kubernetes.io/not-ready"}


def test_what_was_learned_is_asked_for_and_limits_stay() -> None:
    """It takes the place of the request of that resource alone."""
    said = {"requests": {"cpu": "2", "ephemeral-storage": "1Gi"}, "limits": {"memory": "1Gi"}}
    read = convert.worker({"image": "i:1", "resources": said})
    assert read is not None
    learned = Asks({"cpu": 212, "memory": 117 * 2**20}, 100)
    made = pod_manifest(task(), Template(read, Placement(), (), (), learned=learned), 1, "a")
    assert made["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "212m", "memory": "117Mi", "ephemeral-storage": "1Gi"},
        "limits": {"memory": "1Gi"},
    }
    assert translate.requests(made["spec"])["cpu"] == 212


def test_who_declares_nothing_gets_requests_and_no_limits() -> None:
    """Those of its class."""
    read = convert.worker({"image": "i:1"})
    assert read is not None
    made = pod_manifest(task(), Template(read, Placement(), (), (), learned=Asks({"cpu": 50})), 1, "a")
    assert made["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "50m"}}


def test_memory_that_has_grown_is_requested_and_allowed() -> None:
    """Request and limit grow by the same factor, in whole MiB; what else is declared stays."""
    read = convert.worker(
        {"image": "i", "resources": {"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"memory": "100Mi"}}}
    )
    assert read is not None
    template = Template(read, Placement(), (), (), memory_factor=1.5)
    found = pod_manifest(task(), template, 2, "a")["spec"]["containers"][0]["resources"]
    assert found == {"requests": {"cpu": "1", "memory": "96Mi"}, "limits": {"memory": "150Mi"}}
    assert translate.requests(pod_manifest(task(), template, 2, "a")["spec"])["memory"] == template.requests["memory"]
    limited = convert.worker({"image": "i", "resources": {"limits": {"memory": "10Mi"}}})
    assert limited is not None
    found = pod_manifest(task(), replace(template, worker=limited), 2, "a")["spec"]["containers"][0]["resources"]
    assert found == {"requests": {"memory": "15Mi"}, "limits": {"memory": "15Mi"}}
    none = convert.worker({"image": "i"})
    assert none is not None
    assert "resources" not in pod_manifest(task(), replace(template, worker=none), 2, "a")["spec"]["containers"][0]


def test_results_of_dependencies_come_first_and_as_they_are() -> None:
    """Variables of the worker may refer to them; what looks like a reference in a result stays text."""
    read = convert.worker({"image": "i:1", "env": [{"name": "URL", "value": "s3://$(LOADSTAR_RESULT_FETCH_ALL)"}]})
    assert read is not None
    template = Template(read, Placement(), (), ())
    found = pod_manifest(task(), template, 1, "a", results={"fetch-all": "$(HOME) costs $5"})
    env = found["spec"]["containers"][0]["env"]
    names = [item["name"] for item in env]
    assert names.index("LOADSTAR_RESULT_FETCH_ALL") < names.index("URL") < names.index("LOADSTAR_TASK")
    values = {item["name"]: item["value"] for item in env}
    assert values["LOADSTAR_RESULT_FETCH_ALL"] == "$$(HOME) costs $$5"
    assert values["LOADSTAR_RESULTS"] == '{"fetch-all":"$$(HOME) costs $$5"}'
    plain = pod_manifest(task(), template, 1, "a")["spec"]["containers"][0]["env"]
    assert not any(item["name"].startswith("LOADSTAR_RESULT") for item in plain)
