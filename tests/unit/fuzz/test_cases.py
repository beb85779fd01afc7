"""The generators: the same seed gives the same objects, and every field of the schema is tried."""

from __future__ import annotations

import json
import random
from typing import Any

from loadstar.api.crd import task_crd
from tests.fuzz import bases
from tests.fuzz.cases import WEIGHTS, WINDOW, kind_of, one
from tests.fuzz.mutations import mutate, put, sites
from tests.fuzz.payloads import POD_ATTACKS
from tests.fuzz.pods import changes, foreign
from tests.fuzz.schema import policy_spec, queue_spec, spec_schema, task_spec

TASK = {"metadata": {"name": "t", "uid": "u"}, "status": {"attempt": 1, "pod": "t-u-0-1"}}


def test_a_number_names_one_object() -> None:
    """An object is a function of seed and number; another seed gives another."""
    index = next(index for index in range(WINDOW) if kind_of(1, index) == "task by field")
    first, again, other = one(1, index), one(1, index), one(2, index)
    assert json.dumps(first.body) == json.dumps(again.body)
    assert json.dumps(first.body) != json.dumps(other.body)


def test_every_kind_comes() -> None:
    """A thousand objects hold every kind."""
    assert {kind_of(1, index) for index in range(1000)} == set(WEIGHTS)


def test_every_field_is_a_site() -> None:
    """Each field of each kind can be set to anything, from any base."""
    for schema, base in (
        (task_spec(), bases.small()),
        (task_spec(), bases.rich()),
        (policy_spec(), bases.policy()),
        (queue_spec(), bases.queue()),
    ):
        for path, _ in sites(schema):
            found: Any = put(base, path, "odd")
            for step in path:
                found = next(iter(found.values())) if step == "*" and "*" not in found else found[step]
            assert found == "odd"


def test_mutations_do_not_touch_their_base() -> None:
    """The base of one object is the base of the next."""
    base, dice = bases.rich(), random.Random(1)
    for _ in range(20):
        assert mutate(base, task_spec(), dice).what
    assert base == bases.rich()


def test_rules_are_patterns_again() -> None:
    """What the CRD says by a rule with a sentence, the drawn schema has as a pattern."""
    schema = spec_schema(task_crd())
    assert schema["properties"]["worker"]["properties"]["image"]["pattern"].startswith("^[A-Za-z0-9]")
    assert "propertyNames" in schema["properties"]["placement"]["properties"]["nodeSelector"]


def test_every_attack_is_known() -> None:
    """Each attack on Pods is either a change of ours or a foreign Pod."""
    for attack in POD_ATTACKS:
        assert foreign(attack, TASK) if attack.startswith("foreign") else changes(attack, "1", TASK)
