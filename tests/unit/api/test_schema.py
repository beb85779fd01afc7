"""How a model becomes a structural schema."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field

from loadstar.api.base import Model, StatusModel, says
from loadstar.api.schema import RULES_UP_TO, structural

Word = Annotated[str, Field(max_length=9, pattern=r"^a\.'b$", json_schema_extra=says("must be a word"))]


class Inner(Model):
    """An inner part."""

    word: Word | None = None
    """A word."""


class Outer(Model):
    """All that needs translation."""

    one: Word
    """A word
    on two lines."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Above zero."""
    few: Annotated[list[Inner], Field(max_length=RULES_UP_TO)] | None = None
    """Few."""
    many: Annotated[list[Inner], Field(max_length=RULES_UP_TO + 1)] | None = None
    """Many."""
    by_name: Annotated[dict[Word, int], Field(max_length=4)] | None = None
    """By name."""


class Choice(StatusModel):
    """What CRDs cannot say."""

    either: int | str
    """Two types."""


def test_patterns_speak_where_rules_are_cheap() -> None:
    """A pattern in words becomes a rule with that sentence; where it may be asked too often it stays a pattern."""
    properties = structural(Outer)["properties"]
    said = [{"rule": r"self.matches('^a\\.\'b$')", "message": "must be a word"}]
    assert properties["one"]["x-kubernetes-validations"] == said
    assert "pattern" not in properties["one"]
    assert properties["few"]["items"]["properties"]["word"]["x-kubernetes-validations"] == said
    many = properties["many"]["items"]["properties"]["word"]
    assert many == {"type": "string", "maxLength": 9, "pattern": r"^a\.'b$", "description": "A word."}


def test_keys_of_maps_become_a_rule() -> None:
    """CRDs have no schema for keys: their pattern and length are a rule on the map."""
    rule = structural(Outer)["properties"]["byName"]["x-kubernetes-validations"][0]
    assert rule["rule"] == r"self.all(k, size(k) <= 9 && k.matches('^a\\.\'b$'))"
    assert rule["message"] == "must have keys of at most 9 characters, each a word"


def test_small_differences_are_bridged() -> None:
    """Optional fields have no null, exclusive bounds are draft 4's, descriptions are one line, keywords are CRDs'."""
    schema = structural(Outer)
    share = schema["properties"]["share"]
    assert (share["minimum"], share["exclusiveMinimum"]) == (0, True)
    assert schema["properties"]["one"]["description"] == "A word on two lines."
    assert "default" not in schema["properties"]["few"]
    assert "additionalProperties" not in schema


def test_what_cannot_be_said_is_an_error() -> None:
    """A choice of types is refused when the CRD is made, not by the API server later."""
    with pytest.raises(TypeError, match="a structural schema cannot say"):
        structural(Choice)
