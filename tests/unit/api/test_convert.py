"""Status to wire and back, merge patches, and the generated files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from loadstar.api import convert
from loadstar.api.crd import policy_crd, stale, task_crd
from loadstar.api.schema import walk
from loadstar.core.dependencies import Rule
from loadstar.core.model import Attempt, Choice, Condition, NodeClass, TaskStatus
from loadstar.core.reasons import EXPLANATIONS, Reason
from loadstar.core.states import State

CHOICE = Choice("a", 0.25, "0.625·cpu 0.250 + 0.375·memory 0.250, io not measured", NodeClass.COLD, 7.0, "b 0.300")
FULL = TaskStatus(
    state=State.RUNNING,
    reason=Reason.PARTS_RUNNING,
    message="m",
    observed_generation=2,
    assigned_to="a",
    attempt=2,
    pod="p",
    assigned=1000.0,
    started=1001.0,
    exit_code=0,
    failures=1,
    preemptions=2,
    choice=CHOICE,
    attempts=(Attempt(1, "a", "p", Reason.WORKER_FAILED, 1.0, 2.0, 3, "x"),),
    resolved="d01234567o89abcdef",
    result="42 rows\n",
    conditions=(Condition("Scheduled", "True", "NodeChosen", "m", 1000.0),),
)


def test_a_status_survives_the_wire() -> None:
    """What is written is read back the same."""
    assert convert.status(convert.status_document(FULL)) == FULL
    assert convert.status(convert.status_document(TaskStatus())) == TaskStatus()


def test_reopening_removes_what_no_longer_holds() -> None:
    """A field that is no longer known is absent from what is written, and so is gone."""
    document = convert.status_document(replace(FULL, assigned_to="", choice=None))
    assert not {"assignedTo", "placement"} & set(document)


def test_dependencies_are_read_in_order_with_their_rules() -> None:
    """A dependency without a rule must end in SUCCESS; a rule for none is passed over."""
    meta = {"namespace": "n", "name": "t", "uid": "u"}
    spec = {"dependencies": ["b", "a"], "dependencyRules": {"a": "Finished", "c": "Failure"}}
    found = convert.task({"metadata": meta, "spec": spec}).dependencies
    assert list(found.items()) == [("b", Rule.SUCCESS), ("a", Rule.FINISHED)]


def test_generated_files_are_current() -> None:
    """CRDs, the chart's copies and docs/api.md are what the code says."""
    assert stale(Path(__file__).parents[3]) == []


def test_every_field_is_described_and_bounded() -> None:
    """`kubectl explain` answers for every field, and no string, list or map is without a bound."""
    for crd in (task_crd(), policy_crd()):
        root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for path, schema in walk(root):
            if not path.startswith((".spec", ".status")):
                continue
            if not path.endswith(("[]", "{}")):
                assert schema.get("description"), path
            kind = schema.get("type")
            if kind == "string":
                assert "enum" in schema or "maxLength" in schema, path
            if kind == "array":
                assert "maxItems" in schema, path
            if "additionalProperties" in schema:
                assert "maxProperties" in schema, path


def test_crds_fit_client_side_apply() -> None:
    """Each CRD stays under the size of an annotation."""
    for path in (Path(__file__).parents[3] / "crds").glob("*.yaml"):
        assert path.stat().st_size < 262_144


def test_every_reason_is_explained() -> None:
    """The closed list of reasons and its explanations are the same list."""
    assert set(EXPLANATIONS) == set(Reason)
