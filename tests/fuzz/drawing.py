"""Objects by hypothesis, as many as asked for and always the same for the same seed.

Hypothesis is made to find failures; here its generators alone are of use, through its public decorators.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

from loadstar.api.crd import policy_crd, queue_crd, task_crd
from tests.fuzz.schema import Schema, spec_schema, status_schema

NAMES: Final = ("spec", "status", "policy", "queue")


def draw(strategy: st.SearchStrategy[Any], seed: int, count: int) -> list[Any]:
    """So many values, fewer when there are no more."""
    values: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(strategy)
    def collect(value: Any) -> None:
        values.append(value)

    collect()
    return values


@cache
def strategy(name: str) -> st.SearchStrategy[Any]:
    """What is drawn for a spec or status of a Task, or the spec of a PlacementPolicy or a TaskQueue."""
    schemas = {
        "spec": (task_crd, spec_schema),
        "status": (task_crd, status_schema),
        "policy": (policy_crd, spec_schema),
        "queue": (queue_crd, spec_schema),
    }
    crd, translate = schemas[name]
    schema = translate(crd())
    if name == "policy":
        # One type is a worker, and a worker is what a Task's spec is full of already.
        schema["properties"]["types"]["maxProperties"] = 1
        # A tenant of all namespaces would be that of the healthy Tasks beside the fuzz.
        selector = schema["properties"]["tenants"]["items"]["properties"]["namespaceSelector"]
        selector["required"] = ["matchLabels"]
        selector["properties"]["matchLabels"]["minProperties"] = 1
    if name == "spec":
        # Most Tasks are to run: in a queue that nobody made they would only wait.
        schema["properties"]["queue"] = {"enum": ["default"] * 3 + ["fuzz-lost"]}
    return built(schema)


def built(schema: Schema) -> st.SearchStrategy[Any]:
    """The strategy of a schema, put together once: from_schema would look at every schema below it at each draw."""
    if "properties" in schema:
        fields = {name: built(item) for name, item in schema["properties"].items()}
        required = {name: fields.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(required, optional=fields)
    if isinstance(schema.get("items"), dict):
        unique = _key if schema.get("uniqueItems") else None
        most = schema["maxItems"]
        return st.lists(built(schema["items"]), min_size=schema.get("minItems", 0), max_size=most, unique_by=unique)
    if isinstance(schema.get("additionalProperties"), dict):
        names = from_schema(schema.get("propertyNames", {"type": "string", "maxLength": 8}), codec="utf-8")
        least, most = schema.get("minProperties", 0), schema["maxProperties"]
        return st.dictionaries(names, built(schema["additionalProperties"]), min_size=least, max_size=most)
    return from_schema(schema, codec="utf-8")


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
