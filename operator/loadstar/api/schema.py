"""A pydantic model's JSON schema as the structural OpenAPI schema that a CRD must have.

References are inlined, "or null" is dropped (absent says it), and what CRDs do not know is put in their words: keys of
maps become a rule, exclusive bounds become draft 4's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

Schema = dict[str, Any]

_DROPPED: Final = {"title", "$defs", "propertyNames", "patternProperties", "const", "examples"}


def structural(model: type[BaseModel]) -> Schema:
    """The schema of a model, with nothing left outside it."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(raw, raw.get("$defs", {}))


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    node = _resolved(node, definitions)
    result = _reworded(node)
    if isinstance(result.get("properties"), dict):
        result["properties"] = {name: _convert(item, definitions) for name, item in result["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(result.get(name), dict):
            result[name] = _convert(result[name], definitions)
    if "propertyNames" in node:
        names = _resolved(node["propertyNames"], definitions)
        for pattern, item in node.get("patternProperties", {}).items():
            result["additionalProperties"] = _convert(item, definitions)
            names = {**names, "pattern": pattern}
        result["x-kubernetes-validations"] = [*result.get("x-kubernetes-validations", ()), _key_rule(names)]
    return result


def _reworded(node: Schema) -> Schema:
    """What one schema says by itself, in the words of a CRD."""
    result: Schema = {name: value for name, value in node.items() if name not in _DROPPED}
    if result.get("default", ...) is None:
        del result["default"]
    if result.get("additionalProperties") is False:
        del result["additionalProperties"]
    if "const" in node:
        result["enum"] = [node["const"]]
    if result.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
    if result.get("type") == "integer":
        result.setdefault("format", "int64")
    if "exclusiveMinimum" in result:
        result |= {"minimum": result["exclusiveMinimum"], "exclusiveMinimum": True}
    return result


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
    pattern = str(names["pattern"]).replace("\\", "\\\\").replace("'", "\\'")
    longest = names["maxLength"]
    return {
        "rule": f"self.all(k, size(k) <= {longest} && k.matches('{pattern}'))",
        "message": f"must have keys of at most {longest} characters that match {names['pattern']}",
    }


def walk(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema below this one with its path: .spec.worker.env[].name, .spec.placement.nodeSelector{}."""
    yield path, schema
    for name, item in (schema.get("properties") or {}).items():
        yield from walk(item, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from walk(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from walk(schema["additionalProperties"], f"{path}{{}}")
