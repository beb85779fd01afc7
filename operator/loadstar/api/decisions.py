"""Records of decisions as lines of JSON, and back: what the decision log writes and `loadstar replay` reads.

Canonical: equal records give equal lines. What a Task runs is not in them, only its class and its requests: commands
and environments are nobody's business here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from loadstar.core.classes import class_of
from loadstar.core.facts import Facts
from loadstar.core.metering import Metering
from loadstar.core.record import Record
from loadstar.core.request import Request

FORMAT: Final = 1
_ADAPTER: Final = TypeAdapter(Record)

Json = dict[str, Any]


class RecordError(ValueError):
    """A line is no record; the message says why."""


def line(kept: Record) -> bytes:
    """One line, its end included."""
    return orjson.dumps({"format": FORMAT, **document(kept)}, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def document(kept: Record) -> Json:
    """The record as an object of JSON."""
    nodes = {
        name: facts._replace(node=replace(facts.node, addresses=(), kubelet="")) for name, facts in kept.nodes.items()
    }
    bare = replace(
        kept, request=anonymous(kept.request), nodes=nodes, policy=replace(kept.policy, types={}, metering=Metering())
    )
    found: Json = _ADAPTER.dump_python(bare, mode="json")
    found["nodes"] = {name: dict(zip(Facts._fields, facts, strict=True)) for name, facts in found["nodes"].items()}
    for name in ("avoid", "near", "apart"):
        found["request"][name].sort()
    for name in ("types", "metering"):
        del found["policy"][name]
    return found


def anonymous(request: Request) -> Request:
    """The request with its class in the place of what it runs: for placing, that is the same."""
    worker = request.template.worker
    plain = replace(worker, document=class_of(worker).encode(), requests=dict(worker.requests))
    return replace(request, template=replace(request.template, worker=plain))


def read(text: bytes | str) -> Record:
    """Read a line. Raises RecordError."""
    try:
        found = orjson.loads(text)
    except ValueError as error:
        raise RecordError(f"no JSON: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise RecordError(f"no record of format {FORMAT}, which this version of loadstar reads")
    try:
        return _ADAPTER.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RecordError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
