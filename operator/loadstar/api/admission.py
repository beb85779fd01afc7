"""What the ValidatingAdmissionPolicies on Tasks have in common; their rules are `edits` and `tenants`."""

from __future__ import annotations

from typing import Any, Final

from loadstar.api import GROUP, TASK_PLURAL

Json = dict[str, Any]

_API_VERSION: Final = "admissionregistration.k8s.io/v1"


def policy(name: str, spec: Json) -> Json:
    """A policy that is asked when a Task is created or its object changes, and without which nothing goes on."""
    asked = {
        "apiGroups": [GROUP],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": [TASK_PLURAL],
    }
    return {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [asked]}, **spec},
    }


def binding(name: str, spec: Json) -> Json:
    """It holds everywhere, and refuses."""
    return {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, **spec, "validationActions": ["Deny"]},
    }
