"""A CRD's structural schema as a JSON schema that hypothesis-jsonschema draws objects from.

What the CRD says in CEL and JSON schema can say too is put back: patterns, rules on keys, numbers-or-text. Rules that
tie fields together stay out: that some drawn objects break them is wanted, the API server must refuse them in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from loadstar.api.base import QUANTITY
from loadstar.api.crd import policy_crd, queue_crd, task_crd

Schema = dict[str, Any]

_LITERAL: Final = r"'((?:[^'\\]|\\.)*)'"
_SELF: Final = re.compile(rf"^(?:string\(self\)|self)\.matches\({_LITERAL}\)$")
_KEYS: Final = re.compile(rf"^self\.all\(k, size\(k\) <= (\d+) && k\.matches\({_LITERAL}\)\)$")
_KEPT: Final = {
    "type", "enum", "pattern", "required", "default",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
}  # fmt: skip
MOST_ITEMS: Final = 4
"""Drawn lists and maps stay small: what long ones do is `mutations`' to try."""
MOST_CHARACTERS: Final = 80


def spec_schema(crd: Mapping[str, Any]) -> Schema:
    """The JSON schema of a kind's spec."""
    return json_schema(part(crd, "spec"))


def status_schema(crd: Mapping[str, Any]) -> Schema:
    """The JSON schema of a kind's status."""
    return json_schema(part(crd, "status"))


@cache
def task_spec() -> Schema:
    """The structural schema of a Task's spec."""
    return part(task_crd(), "spec")


@cache
def policy_spec() -> Schema:
    """The structural schema of a PlacementPolicy's spec."""
    return part(policy_crd(), "spec")


@cache
def queue_spec() -> Schema:
    """The structural schema of a TaskQueue's spec."""
    return part(queue_crd(), "spec")


def part(crd: Mapping[str, Any], name: str) -> Schema:
    """The structural schema of spec or status."""
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict(root["properties"][name])


def json_schema(node: Mapping[str, Any]) -> Schema:
    """One structural schema and all below it."""
    result: Schema = {name: value for name, value in node.items() if name in _KEPT}
    result.pop("default", None)
    _bounds(node, result)
    _patterns(node, result)
    if node.get("x-kubernetes-int-or-string"):
        text = {"type": "string", "pattern": result.pop("pattern", QUANTITY), "maxLength": 16}
        return {"anyOf": [text, {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}]}
    if node.get("format") == "date-time":
        return {"type": "string", "pattern": TIME}
    if "properties" in node:
        result["properties"] = {name: json_schema(item) for name, item in node["properties"].items()}
        result["additionalProperties"] = False
    if isinstance(node.get("additionalProperties"), dict):
        result["additionalProperties"] = json_schema(node["additionalProperties"])
        result["maxProperties"] = min(MOST_ITEMS, result.get("maxProperties", MOST_ITEMS))
    if isinstance(node.get("items"), dict):
        result["items"] = json_schema(node["items"])
        result["maxItems"] = min(MOST_ITEMS, result.get("maxItems", MOST_ITEMS))
        if node.get("x-kubernetes-list-type") == "set":
            result["uniqueItems"] = True
    return result


TIME: Final = (
    r"^(0001|1969|1970|2026|2038|9999)-(01|06|12)-(01|28)T(00|12|23):(00|59):(00|59)"
    r"(\.[0-9]{1,9})?(Z|\+00:00|-23:59|\+23:59)$"
)


def _bounds(node: Mapping[str, Any], result: Schema) -> None:
    if node.get("exclusiveMinimum"):
        result["exclusiveMinimum"] = result.pop("minimum")
    if node.get("type") == "string" and "enum" not in node:
        result["maxLength"] = min(MOST_CHARACTERS, result.get("maxLength", MOST_CHARACTERS))


def _patterns(node: Mapping[str, Any], result: Schema) -> None:
    """Patterns that the CRD says as rules, so that a refusal is a sentence, are patterns again."""
    for entry in node.get("x-kubernetes-validations", ()):
        if found := _SELF.match(entry["rule"]):
            result["pattern"] = _plain(found[1])
        elif found := _KEYS.match(entry["rule"]):
            result["propertyNames"] = {
                "type": "string",
                "maxLength": min(MOST_CHARACTERS, int(found[1])),
                "pattern": _plain(found[2]),
            }


def _plain(literal: str) -> str:
    return literal.replace("\\'", "'").replace("\\\\", "\\")
