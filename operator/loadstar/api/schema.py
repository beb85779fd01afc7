"""A pydantic model's JSON schema as the structural OpenAPI schema that a CRD must have.

References are inlined, "or null" is dropped (absent says it), and what CRDs do not know is put in their words: keys of
maps become a rule, exclusive bounds become draft 4's. A pattern that is put into words becomes a rule too, so that a
refusal is a sentence and not a regular expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from loadstar.api.base import SAYS, rule

Schema = dict[str, Any]

_DROPPED: Final = {"title", "$defs", "propertyNames", "patternProperties", "const", "examples", SAYS}
RULES_UP_TO: Final = 256
"""Where an object may hold more of a field, its pattern stays one: the API server bounds what all rules may cost."""


def structural(model: type[BaseModel]) -> Schema:
    """The schema of a model, with nothing left outside it."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(raw, raw.get("$defs", {}), 1)


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Any], times: int) -> Schema:
    """A node of the schema; `times` is how often an object may hold it at most."""
    node = _resolved(node, definitions)
    result = _reworded(node)
    if SAYS in node and "pattern" in result and times <= RULES_UP_TO:
        _say(result, node[SAYS])
    if isinstance(result.get("properties"), dict):
        result["properties"] = {name: _convert(item, definitions, times) for name, item in result["properties"].items()}
    if isinstance(result.get("items"), dict):
        result["items"] = _convert(result["items"], definitions, times * result["maxItems"])
    if isinstance(result.get("additionalProperties"), dict):
        result["additionalProperties"] = _convert(
            result["additionalProperties"], definitions, times * result["maxProperties"]
        )
    if "propertyNames" in node:
        names = _resolved(node["propertyNames"], definitions)
        for pattern, item in node.get("patternProperties", {}).items():
            result["additionalProperties"] = _convert(item, definitions, times * result["maxProperties"])
            names = {**names, "pattern": pattern}
        result["x-kubernetes-validations"] = [*result.get("x-kubernetes-validations", ()), _key_rule(names)]
    return result


def _reworded(node: Schema) -> Schema:
    """What one schema says by itself, in the words of a CRD."""
    result: Schema = {name: value for name, value in node.items() if name not in _DROPPED}
    if "default" in result:
        result["default"] = _said(result["default"])
        if result["default"] is None:
            del result["default"]
    if result.get("additionalProperties") is False:
        del result["additionalProperties"]
    if "description" in result:
        result["description"] = " ".join(result["description"].split())
    if "const" in node:
        result["enum"] = [node["const"]]
    if result.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
        result.setdefault("minimum", 0)
    if result.get("type") == "integer":
        result.setdefault("format", "int64")
    if "exclusiveMinimum" in result:
        result |= {"minimum": result["exclusiveMinimum"], "exclusiveMinimum": True}
    return result


def _said(default: Any) -> Any:
    """A default without what is not said in it: for a CRD null is no value of an object."""
    if not isinstance(default, dict):
        return default
    return {name: _said(value) for name, value in default.items() if value is not None}


def _say(schema: Schema, words: str) -> None:
    """Turn the pattern of a schema into a rule with a sentence."""
    text = "string(self)" if schema.get("x-kubernetes-int-or-string") else "self"
    said = rule(f"{text}.matches({_literal(schema.pop('pattern'))})", words)
    schema["x-kubernetes-validations"] = [said, *schema.get("x-kubernetes-validations", ())]


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """Follow a reference and take the one choice that is not null; what stands beside it wins."""
    merged: Schema = dict(node)
    while True:
        if "$ref" in merged:
            target = definitions[merged.pop("$ref").rsplit("/", 1)[1]]
            merged = {**target, **merged}
        elif "anyOf" in merged:
            choices = [choice for choice in merged.pop("anyOf") if choice.get("type") != "null"]
            if len(choices) != 1:
                raise TypeError(f"a structural schema cannot say {choices}")
            merged = {**choices[0], **merged}
        else:
            return merged


def _key_rule(names: Mapping[str, Any]) -> dict[str, str]:
    longest, words = names["maxLength"], str(names[SAYS]).removeprefix("must be ")
    return rule(
        f"self.all(k, size(k) <= {longest} && k.matches({_literal(names['pattern'])}))",
        f"must have keys of at most {longest} characters, each {words}",
    )


def _literal(text: str) -> str:
    """A string of CEL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def walk(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema below this one with its path: .spec.worker.env[].name, .spec.placement.nodeSelector{}."""
    yield path, schema
    for name, item in (schema.get("properties") or {}).items():
        yield from walk(item, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from walk(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from walk(schema["additionalProperties"], f"{path}{{}}")
