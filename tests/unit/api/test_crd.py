"""The generated CRDs: current, complete in words and bounds, small, and in step with the state table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadstar.api import crd
from loadstar.api.schema import Schema, walk
from loadstar.core.states import TRANSITIONS, State

ROOT = Path(__file__).parents[3]
CLIENT_SIDE_APPLY = 262_144
CRDS = [crd.task_crd(), crd.policy_crd(), crd.queue_crd(), crd.profile_crd()]


def version(document: Schema) -> Schema:
    return dict(document["spec"]["versions"][0])


def fields() -> Iterator[tuple[str, Any]]:
    """Every schema below every root, with its kind and path."""
    for document in CRDS:
        for path, schema in walk(version(document)["schema"]["openAPIV3Schema"]):
            if path not in ("", ".metadata"):
                yield document["spec"]["names"]["kind"] + path, schema


def rules() -> Iterator[dict[str, str]]:
    """Every CEL rule."""
    for document in CRDS:
        for _, schema in walk(version(document)["schema"]["openAPIV3Schema"]):
            yield from schema.get("x-kubernetes-validations", ())


def test_generated_files_are_current() -> None:
    """What is committed is what the models generate; else `make crds` was forgotten."""
    assert crd.stale(ROOT) == []


def test_check_names_the_first_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` fails with the place that differs and what to do; after a write it passes."""
    assert crd.main([], tmp_path) == 0
    assert crd.main(["--check"], tmp_path) == 0
    path = tmp_path / "crds" / "tasks.yaml"
    path.write_text(path.read_text().replace("kind: Task\n", "kind: Job\n", 1))
    assert crd.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "not current: crds/tasks.yaml: line 9; run `make crds`\n"


def test_every_field_is_described() -> None:
    """`kubectl explain` has a sentence for each field."""
    silent = [path for path, schema in fields() if not path.endswith(("[]", "{}")) and not schema.get("description")]
    assert silent == []


def test_everything_is_bounded() -> None:
    """Every string, list, map and whole number has its limits, so that no object can grow without end."""
    loose = []
    for path, schema in fields():
        kind = schema.get("type")
        if path.endswith((".apiVersion", ".kind")) or "enum" in schema:
            continue
        needed = {"array": ["maxItems"], "integer": ["minimum", "maximum"], "string": ["maxLength"]}.get(kind, [])
        if kind == "object" and "properties" not in schema:
            needed = ["maxProperties", "additionalProperties"]
        if schema.get("x-kubernetes-int-or-string"):
            needed = ["maxLength", "minimum"]
        loose += [f"{path}: {name}" for name in needed if name not in schema]
    assert loose == []


def test_schemas_are_structural() -> None:
    """No reference and no choice is left, each schema has one type, and no list is without its merge rule."""
    for path, schema in fields():
        assert not {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title"} & schema.keys(), path
        assert ("type" in schema) is not bool(schema.get("x-kubernetes-int-or-string")), path
        if schema.get("type") == "array":
            keys = schema.get("x-kubernetes-list-map-keys", [])
            assert schema["x-kubernetes-list-type"] in ("atomic", "set", "map"), path
            assert set(keys) <= set(schema["items"].get("required", [])), path


def test_numbers_of_quantities_keep_their_rule() -> None:
    """A quantity is bound by its pattern wherever it stands, as a rule or as a pattern."""
    quantities = [(path, schema) for path, schema in fields() if schema.get("x-kubernetes-int-or-string")]
    assert len(quantities) >= 6
    for path, schema in quantities:
        assert "pattern" in schema or "matches" in schema["x-kubernetes-validations"][0]["rule"], path


def test_messages_say_what_must_be() -> None:
    """Every rule of ours refuses in one style: what the value must be."""
    assert {rule["message"].split(" ")[0] for rule in rules()} == {"must"}


def test_crds_fit_client_side_apply() -> None:
    """`kubectl apply` keeps the whole object in an annotation; it must stay below the API server's limit for those."""
    for document in CRDS:
        assert len(json.dumps(document)) < CLIENT_SIDE_APPLY / 2


def test_transition_rules_are_the_table() -> None:
    """The rule on status.state allows exactly the edges of the table, and staying; the message names them."""
    (rule,) = crd.transition_rules()
    assert re.fullmatch(r"self in \{.*\}\[oldSelf\]", rule["rule"])
    found = re.findall(r"'(\w+)': \[(.*?)\]", rule["rule"])
    allowed = {old: set(re.findall(r"'(\w+)'", options)) for old, options in found}
    assert allowed == {old.value: {old.value, *edges} for old, edges in TRANSITIONS.items()}
    words = dict(re.findall(r"'(\w+)': '(.*?)'", rule["messageExpression"]))
    for old, options in allowed.items():
        assert all(option in words[old] for option in options)


def test_new_task_has_a_status() -> None:
    """The schema's defaults make a new Task PENDING for the reason Queued, without a write."""
    status = version(crd.task_crd())["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["default"] == {"state": State.PENDING}
    default = {name: item["default"] for name, item in status["properties"].items() if "default" in item}
    assert default == {
        "state": "PENDING",
        "reason": "Queued",
        "message": "",
        "attempt": 0,
        "parts": "0/1",
    }


def test_names_columns_and_selectors() -> None:
    """What users type and see: short names, the category, columns in their order, fields to select by."""
    task, policy, *_ = CRDS
    assert task["metadata"]["name"] == "tasks.loadstar.dev"
    assert [document["spec"]["names"]["shortNames"] for document in CRDS] == [["ldt"], ["ldp"], ["ldq"], ["ldtp"]]
    assert [document["spec"]["names"]["categories"] for document in CRDS] == [["loadstar"]] * 4
    assert (task["spec"]["scope"], policy["spec"]["scope"]) == ("Namespaced", "Cluster")
    columns = version(task)["additionalPrinterColumns"]
    shown = [column["name"] for column in columns if not column.get("priority")]
    assert shown == ["State", "Node", "Priority", "Parts", "Attempt", "Reason", "Age"]
    assert [column["name"] for column in columns if column.get("priority")] == [
        "Queue",
        "Score",
        "Duration",
        "Exit",
        "Pod",
        "Message",
    ]
    selectable = [field["jsonPath"] for field in version(task)["selectableFields"]]
    assert selectable == [".status.state", ".status.assignedTo", ".spec.type", ".spec.queue"]
    known = {path.removeprefix("Task") for path, _ in fields()} | {".metadata.creationTimestamp"}
    assert {column["jsonPath"] for column in columns} | set(selectable) <= known
