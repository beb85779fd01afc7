"""The models of the wire: strict about a spec, lenient about a status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from loadstar.api import API_VERSION, edits
from loadstar.api.base import Model, StatusModel
from loadstar.api.crd import policy_crd, task_crd
from loadstar.api.policy import PlacementPolicySpec
from loadstar.api.queues import TaskQueueSpec
from loadstar.api.reference import reference
from loadstar.api.status import TaskStatus
from loadstar.api.task import TaskSpec
from loadstar.core.reasons import Reason
from loadstar.core.states import TRANSITIONS

SAMPLES = sorted((Path(__file__).parents[3] / "manifests" / "samples").rglob("*.yaml"))
SPECS: dict[str, type[BaseModel]] = {
    "Task": TaskSpec,
    "TaskQueue": TaskQueueSpec,
    "PlacementPolicy": PlacementPolicySpec,
}
RIGHT: dict[str, Any] = {
    "description": "Resize the November uploads",
    "type": "image",
    "priority": 700,
    "worker": {
        "image": "registry.example/resize:1.4",
        "command": ["resize"],
        "args": ["--size", "1024"],
        "env": [
            {"name": "BUCKET", "value": "nov"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        ],
        "envFrom": [{"prefix": "C_", "configMapRef": {"name": "settings"}}],
        "resources": {"requests": {"cpu": "250m", "memory": "128Mi"}, "limits": {"memory": "256Mi", "x.example/a": 1}},
        "volumes": [
            {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            {
                "name": "all",
                "projected": {"sources": [{"secret": {"name": "s", "items": [{"key": "k", "path": "a/b"}]}}]},
            },
        ],
        "volumeMounts": [{"name": "scratch", "mountPath": "/data", "subPath": "x"}],
        "securityContext": {"runAsUser": 1000, "readOnlyRootFilesystem": False},
    },
    "placement": {
        "strategy": "LoadAware",
        "requires": ["gpu"],
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "weights": {"cpu": 0.5, "memory": 0.3, "io": 0.2},
    },
    "retry": {
        "limit": 3,
        "backoff": {"initialSeconds": 2, "factor": 2, "maxSeconds": 300},
        "rules": [
            {"exitCodes": [42], "action": "Fail"},
            {"reasons": ["OOMKilled"], "action": "Retry", "memoryFactor": 1.5},
        ],
    },
    "timeouts": {"runSeconds": 1800},
    "ttlSecondsAfterFinished": 86400,
}


def models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Every model of the API below this one."""
    for model in base.__subclasses__():
        if model.__module__.startswith("loadstar.api."):
            yield model
        yield from models(model)


def test_full_spec_is_read_and_written_alike() -> None:
    """What is read in camelCase is written in camelCase, with nothing added that was not said but defaults."""
    spec = TaskSpec.model_validate(RIGHT)
    written = spec.model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert written["worker"]["resources"]["limits"].pop("x.example/a") == "1"
    assert RIGHT["worker"]["resources"]["limits"]["x.example/a"] == 1
    expected = {**RIGHT, "worker": {**RIGHT["worker"], "resources": {**RIGHT["worker"]["resources"]}}}
    expected["worker"]["resources"]["limits"] = {"memory": "256Mi"}
    assert written == expected


def test_every_part_of_a_spec_refuses_what_it_does_not_know() -> None:
    """A field that is not in the schema is a mistake of whoever wrote it."""
    for model in models(Model):
        lenient = issubclass(model, StatusModel)
        assert model.model_config["extra"] == ("ignore" if lenient else "forbid"), model
    with pytest.raises(ValidationError, match="hostNetwork"):
        TaskSpec.model_validate({"worker": {"image": "a", "hostNetwork": True}})


def test_newer_status_is_read() -> None:
    """An older reader passes over what a newer operator wrote."""
    status = TaskStatus.model_validate({"state": "RUNNING", "parts": "3/9", "moves": 2})
    assert (status.state, status.parts, status.attempt) == ("RUNNING", "3/9", 0)


@pytest.mark.parametrize("text", ["1", "0.5", "250m", "128Mi", "1e3", "0", 2])
def test_quantities(text: str | int) -> None:
    """Quantities as people write them; a whole number needs no quotes."""
    spec = TaskSpec.model_validate({"worker": {"image": "a", "resources": {"requests": {"cpu": text}}}})
    assert spec.worker is not None
    assert spec.worker.resources is not None
    assert spec.worker.resources.requests == {"cpu": str(text)}


@pytest.mark.parametrize("text", ["lots", "-1", "1 Gi", "1MB", "", "1" * 33, -1, True, 0.5, None])
def test_no_quantities(text: object) -> None:
    """What is no quantity is refused before it is sent."""
    with pytest.raises(ValidationError):
        TaskSpec.model_validate({"worker": {"image": "a", "resources": {"requests": {"cpu": text}}}})


@pytest.mark.parametrize("path", ["/a", "..", "a/..", "a/../b", "..data", "./a", "a//b", "a/", ""])
def test_paths_stay_inside(path: str) -> None:
    """A path inside a volume is relative and never leads out of it."""
    volumes = [{"name": "v", "emptyDir": {}}]
    mounts = [{"name": "v", "mountPath": "/v", "subPath": path}]
    with pytest.raises(ValidationError):
        TaskSpec.model_validate({"worker": {"image": "a", "volumes": volumes, "volumeMounts": mounts}})


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_samples_are_valid(sample: Path) -> None:
    """Every sample is valid by the models, so that an edit of either is noticed without a cluster."""
    documents = list(yaml.safe_load_all(sample.read_text()))
    documents += [yaml.safe_load(text) for item in documents for text in item.get("data", {}).values()]
    ours = [item for item in documents if item["apiVersion"] == API_VERSION]
    assert ours
    for document in ours:
        SPECS[document["kind"]].model_validate(document["spec"])


@pytest.mark.parametrize(("page", "sample"), [("retries.md", "retries.yaml"), ("preemption.md", "preemption.yaml")])
def test_pages_show_samples_as_they_are(page: str, sample: str) -> None:
    """What a page shows is what the end-to-end tests run."""
    root = Path(__file__).parents[3]
    assert (root / "manifests" / "samples" / sample).read_text() in (root / "docs" / page).read_text()


def test_reference_is_complete() -> None:
    """The page has every reason, every edge of the state table and the fields with their bounds."""
    page = reference({"tasks": task_crd(), "policies": policy_crd()}, edits.policy())
    assert all(f"| `{reason}` |" in page for reason in Reason)
    assert all(f"    {old} --> {new}: " in page for old, edges in TRANSITIONS.items() for new in edges)
    labels = [line.split(": ", 1)[1] for line in page.splitlines() if "--> " in line and ": " in line]
    assert not any(mark in label for label in labels for mark in ":;"), "Mermaid ends a label there"
    assert "| `spec.priority` | integer 0 to 1000, default `500` |" in page
