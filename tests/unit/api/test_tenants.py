"""Tenants of the policy as the core has them, and the rule that holds their priorities."""

from __future__ import annotations

from loadstar.api import convert, tenants
from loadstar.core.queues import Limits, Tenant


def test_tenants_arrive_in_order() -> None:
    """The order decides whose a namespace is, so it is kept; what is not said has no bound."""
    spec = {
        "tenants": [
            {
                "name": "media",
                "namespaceSelector": {"matchLabels": {"tier": "batch", "team": "media"}},
                "weight": 300,
                "maxPriority": 0,
                "limits": {"running": 4, "cpu": 2},
            },
            {"name": "rest", "namespaceSelector": {}},
        ]
    }
    assert convert.policy({"spec": spec}).tenants == (
        Tenant(
            "media",
            (("team", "media"), ("tier", "batch")),
            weight=300,
            max_priority=0,
            limits=Limits(4, {"cpu": 2000}),
        ),
        Tenant("rest"),
    )


def test_rule_holds_for_tasks_and_reads_the_policy() -> None:
    """It is asked on creations and changes of Tasks, not of their status, and goes by the one PlacementPolicy."""
    spec = tenants.policy()["spec"]
    (what,) = spec["matchConstraints"]["resourceRules"]
    assert what["resources"] == ["tasks"]
    assert spec["paramKind"] == {"apiVersion": "loadstar.dev/v1alpha1", "kind": "PlacementPolicy"}
    bound = tenants.binding()["spec"]
    assert bound["policyName"] == tenants.policy()["metadata"]["name"]
    assert bound["paramRef"] == {"name": "default", "parameterNotFoundAction": "Allow"}
    assert bound["validationActions"] == ["Deny"]


def test_refusal_says_where_and_what() -> None:
    """It names the field and what it must be."""
    (entry,) = tenants.policy()["spec"]["validations"]
    assert entry["message"].startswith("spec.priority: must be at most ")
    assert "'spec.priority: must be at most ' + string(variables.most)" in entry["messageExpression"]
