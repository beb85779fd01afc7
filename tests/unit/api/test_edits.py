"""The rules on names and changes: complete, in words, and never run for a status."""

from __future__ import annotations

import re

from loadstar.api import edits
from loadstar.api.task import MUTABLE, TaskSpec
from loadstar.core.states import State


def test_each_field_is_mutable_or_held() -> None:
    """Each field of the spec is either named as one that may change or held by a rule of its own."""
    told = [
        entry for entry in edits.policy()["spec"]["validations"] if "must stay as it was created" in entry["message"]
    ]
    held = {match[1] for entry in told if (match := re.match(r"spec\.(\w+): ", entry["message"]))}
    assert held == set(edits.held_fields())
    assert held | set(MUTABLE) == {info.alias for info in TaskSpec.model_fields.values()}
    assert not held & set(MUTABLE)
    for entry in told:
        name = entry["message"].split(":")[0].removeprefix("spec.")
        assert f"object.spec.?{name} == oldObject.spec.?{name}" in entry["expression"]
        assert all(mutable in entry["message"] for mutable in MUTABLE)


def test_rules_say_where_and_what() -> None:
    """Every refusal names the field and what it must be."""
    for entry in edits.policy()["spec"]["validations"]:
        assert re.match(r"(metadata|spec)\.\w+: must ", entry["message"]), entry
        assert entry["reason"] == "Invalid"


def test_final_states_hold_the_priority() -> None:
    """The rule on the priority names exactly the final states."""
    (rule,) = (e for e in edits.policy()["spec"]["validations"] if e["message"].startswith("spec.priority"))
    assert set(re.findall(r"'([A-Z]+)'", rule["expression"])) == {state.value for state in State if state.terminal}


def test_rules_hold_for_tasks_and_not_for_their_status() -> None:
    """They are asked on creations and changes of the object; a write of its status names another resource."""
    spec = edits.policy()["spec"]
    (what,) = spec["matchConstraints"]["resourceRules"]
    assert what["resources"] == ["tasks"]
    assert set(what["operations"]) == {"CREATE", "UPDATE"}
    assert spec["failurePolicy"] == "Fail"
    assert edits.binding()["spec"] == {"policyName": edits.policy()["metadata"]["name"], "validationActions": ["Deny"]}
