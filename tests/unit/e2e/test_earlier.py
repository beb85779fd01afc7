"""Which fields a schema has, by which an earlier commit is told from this one."""

from __future__ import annotations

from tests.e2e.earlier import ROOT, fields, task_fields


def test_every_field_counts() -> None:
    """Fields in lists and maps count too, each with its path."""
    schema = {
        "properties": {
            "a": {"type": "string"},
            "b": {"items": {"properties": {"c": {}}}},
            "d": {"additionalProperties": {"properties": {"e": {}}}},
        }
    }
    assert fields(schema) == {".a", ".b", ".b[].c", ".d", ".d[].e"}


def test_own_schema() -> None:
    """The Task's own schema is read."""
    found = task_fields((ROOT / "crds" / "tasks.yaml").read_text())
    assert {".spec.worker.image", ".spec.worker.env[].name", ".status.state"} <= found
