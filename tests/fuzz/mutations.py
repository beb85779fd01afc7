"""One field of a valid object made odd: a boundary, another type, huge, negative, empty, long, Unicode, no label.

`sites` finds every field that the schema names, so a new field is tried without a line here.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

Json = dict[str, Any]
Path = tuple[str | int, ...]
ANY_KEY: Final = "*"

WRONG: Final[tuple[Any, ...]] = (None, True, 7, -1, 1.5, "text", "", [], {}, [[]], [None], {"a": 1}, [{"a": []}])
HUGE: Final[tuple[Any, ...]] = (
    2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, -1, -(2**31) - 1, -(2**63), -(10**30), 0,
    1e308, -1e308, 1e-320, 0.1, float("nan"), float("inf"), "1e400", "9e99", "NaN", "-5Ki", "99999999999999999999Ei",
)  # fmt: skip
UNICODE: Final = (
    "ünïcödé", "日本語", "\u0000", "a\u0000b", "\u202eabc", "🚀" * 20, "a\nb", "\t", "\u2028", "é", "ﬀ", "İ", "\uffff",
)  # fmt: skip
NO_LABEL: Final = (
    "a b", "-a", "a-", "_", "UPPER_case", "a/b/c", "..", "../x", "a" * 64, "a" * 254, "/", "a/", "/a", "%s{}$(x)",
    "a..b", "0", "true", "{{ .x }}", "LOADSTAR_X", "loadstar-tmp", "system-node-critical", "kubernetes.io/x",
)  # fmt: skip
LONG: Final = (33, 64, 254, 1025, 40_000)


@dataclass(frozen=True, slots=True)
class Mutation:
    """What was done where, in words, and the object that came of it."""

    what: str
    document: Json


def sites(schema: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every field below this schema; an item of a list is 0, a value of a map "*"."""
    for name, item in (schema.get("properties") or {}).items():
        yield (*path, name), item
        yield from sites(item, (*path, name))
    for step, name in ((0, "items"), (ANY_KEY, "additionalProperties")):
        if isinstance(schema.get(name), dict):
            yield (*path, step), schema[name]
            yield from sites(schema[name], (*path, step))


def mutate(document: Json, schema: Mapping[str, Any], dice: random.Random) -> Mutation:
    """Make one field of the document odd."""
    path, node = dice.choice(list(sites(schema)))
    if dice.random() < 0.05:
        return Mutation(f"unknown field beside {_show(path)}", put(document, (*path[:-1], "fuzz"), dice.choice(WRONG)))
    kind = dice.choice(list(KINDS))
    return Mutation(f"{kind} at {_show(path)}", put(document, path, KINDS[kind](node, dice)))


def put(document: Json, path: Path, value: Any) -> Json:
    """A copy of the document with this value there; what is missing on the way is made."""
    result = copy.deepcopy(document)
    here: Any = result
    for asked, following in pairwise(path):
        step = _real(here, asked)
        empty: Any = [] if following == 0 else {}
        if isinstance(here, list):
            if not here or not isinstance(here[0], type(empty)):
                here[:1] = [empty]
            here = here[0]
        else:
            if not isinstance(here.get(step), type(empty)):
                here[step] = empty
            here = here[step]
    last = _real(here, path[-1])
    if isinstance(here, list):
        here[:1] = [value]
    else:
        here[last] = value
    return result


def _real(here: Any, step: str | int) -> str | int:
    if step == ANY_KEY and isinstance(here, dict):
        return next(iter(here), "key")
    return step


def _show(path: Path) -> str:
    return ".".join(str(step) for step in path)


def _valid(node: Mapping[str, Any], dice: random.Random) -> Any:
    """Something that the field's own schema allows, as far as a type alone tells."""
    if "enum" in node:
        return dice.choice(list(node["enum"]))
    low = int(node.get("minimum", 0))
    samples: dict[str, Any] = {
        "boolean": dice.random() < 0.5,
        "integer": dice.randint(low, int(node.get("maximum", 2**31 - 1))),
        "number": low + dice.random() * (float(node.get("maximum", 1)) - low),
        "string": dice.choice(("a", "abc", "x1", "0")),
        "array": [],
        "object": {},
    }
    return samples.get(str(node.get("type")), dice.choice((1, "250m", "64Mi", "0.5")))


def _boundary(node: Mapping[str, Any], dice: random.Random) -> Any:
    """On an edge or one beyond."""
    off = dice.choice((-1, 0, 1))
    if "enum" in node:
        return f"{node['enum'][0]}{'' if off == 0 else 'x'}"
    match node.get("type"):
        case "integer" | "number":
            return (node.get("maximum", 2**31 - 1) if dice.random() < 0.5 else node.get("minimum", 0)) + off
        case "string":
            return "a" * max(0, (node.get("maxLength", 64) if dice.random() < 0.7 else node.get("minLength", 0)) + off)
        case "array":
            item = _valid(node["items"], dice)
            return [copy.deepcopy(item) for _ in range(max(0, min(1100, node.get("maxItems", 16)) + off))]
        case "object" if isinstance(node.get("additionalProperties"), dict):
            value = _valid(node["additionalProperties"], dice)
            return {f"k{n}": value for n in range(max(0, min(1100, node.get("maxProperties", 16)) + off))}
        case _:
            return dice.choice((True, False, {}))


KINDS: Final[dict[str, Callable[[Mapping[str, Any], random.Random], Any]]] = {
    "valid": _valid,
    "boundary": _boundary,
    "wrong type": lambda _, dice: dice.choice(WRONG),
    "number": lambda _, dice: dice.choice(HUGE),
    "empty": lambda _, dice: dice.choice(("", [], {}, None)),
    "long": lambda _, dice: "x" * dice.choice(LONG),
    "unicode": lambda _, dice: dice.choice(UNICODE),
    "no label": lambda _, dice: dice.choice(NO_LABEL),
}
