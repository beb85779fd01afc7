"""Tenants in the PlacementPolicy, and the admission rule on priorities that they bring.

The rule is a ValidatingAdmissionPolicy with the PlacementPolicy as its parameter: the API server asks it, so that a
refusal comes with the command that made the Task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from loadstar.api import API_VERSION, GROUP, POLICY_KIND, POLICY_NAME, TASK_PLURAL, admission
from loadstar.api.base import DnsLabel, LabelKey, LabelValue, Model
from loadstar.api.queues import Limits, Weight, limits
from loadstar.core.queues import DEFAULT_PRIORITY, DEFAULT_WEIGHT, MOST_PRIORITY, Tenant

Json = dict[str, Any]

NAME: Final = f"priorities.{TASK_PLURAL}.{GROUP}"


class NamespaceSelector(Model):
    """Labels of namespaces; with none said, every namespace."""

    match_labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=4)] | None = None
    """Labels that a namespace must have, with their values. kubernetes.io/metadata.name is its name."""


class TenantSpec(Model):
    """Namespaces that share what the admin gives them. Tasks of namespaces that no tenant takes have no bounds."""

    name: DnsLabel
    """Its name."""
    namespace_selector: NamespaceSelector
    """Which namespaces are its own: those with these labels that no tenant before it takes."""
    weight: Weight = DEFAULT_WEIGHT
    """Its share of the cluster beside the others that have Tasks waiting: twice the weight, twice as much."""
    max_priority: Annotated[int, Field(ge=0, le=MOST_PRIORITY)] | None = None
    """The highest priority that its Tasks may have. A Task that says none has 500, and must say one where this is
    less."""
    limits: Limits | None = None
    """What Tasks of all its namespaces may hold at once."""


def read(raw: Mapping[str, Any]) -> Tenant:
    """One of `spec.tenants`."""
    labels = (raw.get("namespaceSelector") or {}).get("matchLabels") or {}
    return Tenant(
        name=raw["name"],
        selector=tuple(sorted(labels.items())),
        weight=int(raw.get("weight", DEFAULT_WEIGHT)),
        max_priority=raw.get("maxPriority"),
        limits=limits(raw.get("limits")),
    )


def policy() -> Json:
    """The rule. It runs on a creation and on a change of the priority, and takes the first tenant, as the core does."""
    asked = f"object.spec.?priority.orValue({DEFAULT_PRIORITY})"
    return admission.policy(
        NAME,
        {
            "paramKind": {"apiVersion": API_VERSION, "kind": POLICY_KIND},
            "matchConditions": [
                {
                    "name": "priority-is-new",
                    "expression": "oldObject == null || object.spec.?priority != oldObject.spec.?priority",
                },
                {"name": "there-are-tenants", "expression": "params.spec.?tenants.orValue([]).size() > 0"},
            ],
            "variables": [
                {"name": "labels", "expression": "namespaceObject.metadata.?labels.orValue({})"},
                {
                    "name": "owners",
                    "expression": "params.spec.tenants.filter(t, t.namespaceSelector.?matchLabels.orValue({})"
                    ".all(k, k in variables.labels && variables.labels[k] == t.namespaceSelector.matchLabels[k]))",
                },
                {
                    "name": "most",
                    "expression": f"variables.owners.size() == 0 ? {MOST_PRIORITY} : "
                    f"variables.owners[0].?maxPriority.orValue({MOST_PRIORITY})",
                },
            ],
            "validations": [
                {
                    "expression": f"{asked} <= variables.most",
                    "message": "spec.priority: must be at most the maxPriority of the namespace's tenant",
                    "messageExpression": "'spec.priority: must be at most ' + string(variables.most) + ' in namespace '"
                    " + object.metadata.namespace + ', which is of tenant ' + variables.owners[0].name"
                    f" + ' of the PlacementPolicy; it is ' + string({asked}) + ({asked} == {DEFAULT_PRIORITY}"
                    " ? ', as that of every Task that says none' : '')",
                    "reason": "Invalid",
                }
            ],
        },
    )


def binding() -> Json:
    """It holds everywhere; while there is no PlacementPolicy there are no tenants."""
    parameter = {"name": POLICY_NAME, "parameterNotFoundAction": "Allow"}
    return admission.binding(NAME, {"paramRef": parameter})
