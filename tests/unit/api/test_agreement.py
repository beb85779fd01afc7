"""The models of the wire and the core agree: on defaults, and on what a quantity is."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loadstar.api import convert
from loadstar.api.base import QUANTITY
from loadstar.api.policy import PlacementPolicySpec
from loadstar.api.status import TaskStatus
from loadstar.api.task import TaskSpec
from loadstar.core.quantity import parse


@given(st.from_regex(re.compile(QUANTITY, re.ASCII), fullmatch=True))
def test_the_core_reads_every_quantity_that_the_schema_allows(text: str) -> None:
    """Nothing that the API server takes as a quantity makes the operator stumble."""
    assert parse(text) >= 0


def test_models_default_as_the_core_does() -> None:
    """A Task or a policy reads the same whether the API server has filled in its defaults or not."""
    meta = {"namespace": "n", "name": "t", "uid": "u"}
    bare: dict[str, Any] = {"type": "x", "placement": {}, "retry": {"backoff": {}}}
    filled = TaskSpec.model_validate(bare).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert convert.task({"metadata": meta, "spec": bare}) == convert.task({"metadata": meta, "spec": filled})
    policy = PlacementPolicySpec().model_dump(mode="json", by_alias=True, exclude_none=True)
    assert convert.policy({"spec": policy}) == convert.policy({})
    status = TaskStatus().model_dump(mode="json", by_alias=True, exclude_none=True)
    assert convert.status(status) == convert.status({})
