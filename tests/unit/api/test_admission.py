"""The admission policy looks at every field of a worker that names another object."""

from __future__ import annotations

from pathlib import Path

from loadstar.api.base import DNS_SUBDOMAIN
from loadstar.api.schema import structural, walk
from loadstar.api.worker import Worker

POLICY = Path(__file__).parents[3] / "helm" / "loadstar" / "templates" / "admission.yaml"
CHECKED = {
    ".env[].valueFrom.configMapKeyRef.name": "valueFrom.configMapKeyRef.name",
    ".env[].valueFrom.secretKeyRef.name": "valueFrom.secretKeyRef.name",
    ".envFrom[].configMapRef.name": ".configMapRef.name",
    ".envFrom[].secretRef.name": ".secretRef.name",
    ".imagePullSecrets[].name": "imagePullSecrets",
    ".serviceAccountName": "serviceAccountName",
    ".volumes[].configMap.name": "v.configMap.name",
    ".volumes[].persistentVolumeClaim.claimName": "persistentVolumeClaim.claimName",
    ".volumes[].projected.sources[].configMap.name": "s.configMap.name",
    ".volumes[].projected.sources[].secret.name": "s.secret.name",
    ".volumes[].secret.secretName": "v.secret.secretName",
}
"""Field of the worker → how the policy's text speaks of it."""
OPEN = {".priorityClassName", ".runtimeClassName"}
"""Objects of the cluster, which a Pod too may name without a right; the CRD itself refuses system-*."""


def naming() -> set[str]:
    """Every field of a worker that holds the name of an object."""
    return {
        path
        for path, schema in walk(structural(Worker))
        if schema.get("pattern") == DNS_SUBDOMAIN
        or any("must be a name of an object" in rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
    }


def test_every_name_is_asked_for() -> None:
    """A new field that names an object is refused by this test until the policy asks for it, or it is said why not."""
    assert naming() == set(CHECKED) | OPEN
    text = POLICY.read_text()
    for field, words in CHECKED.items():
        assert words in text, field


def test_policy_sees_all_sources_of_a_projected_volume() -> None:
    """The policy counts sources up to a number of its own: it is the schema's bound."""
    sources = dict(walk(structural(Worker)))[".volumes[].projected.sources"]
    assert f"{{{{- $sources := {sources['maxItems']} }}}}" in POLICY.read_text()
