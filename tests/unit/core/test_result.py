"""What a Task leaves for others: bounded text, and the variables that carry it."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.api.base import DNS_LABEL
from loadstar.core.result import (
    ALL,
    ALL_BYTES,
    LEFT_OUT,
    MOST_BYTES,
    VARIABLES_BYTES,
    cleaned,
    environment,
    variable,
)

NAMES = st.text("ab0-", min_size=1, max_size=6).filter(re.compile(DNS_LABEL).fullmatch)


@settings(deadline=None)
@given(NAMES, NAMES)
def test_no_two_names_share_a_variable(one: str, other: str) -> None:
    """A variable tells its dependency; none is taken for the variable of all or of those left out."""
    assert (variable(one) == variable(other)) is (one == other)
    assert variable(one) not in {ALL, LEFT_OUT}
    assert re.fullmatch(r"[A-Z0-9_]+", variable(one))


@settings(deadline=None)
@given(st.text())
def test_a_result_is_text_of_at_most_4_kib(message: str) -> None:
    """Whatever a container wrote: bounded in bytes, no control characters, and cleaning twice changes nothing."""
    found = cleaned(message * 3000)
    if found is not None:
        assert 0 < len(found.encode()) <= MOST_BYTES
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", found)
        assert cleaned(found) == found


def test_what_says_nothing_is_no_result() -> None:
    """Nothing, blanks, and what is no text at all."""
    assert [cleaned(message) for message in (None, "", " \n\t", "\0")] == [None] * 4
    assert cleaned("a b\n") == "a b"


def test_results_come_singly_and_together() -> None:
    """One variable each, and all by their names as JSON."""
    found = environment({"fetch-a": "1", "b": 'x "y"'})
    assert found == {"LOADSTAR_RESULT_FETCH_A": "1", "LOADSTAR_RESULT_B": 'x "y"', ALL: found[ALL]}
    assert json.loads(found[ALL]) == {"fetch-a": "1", "b": 'x "y"'}
    assert environment({}) == {}


def test_an_environment_is_bounded_and_says_so() -> None:
    """Of many large results the first have room; the names of the others are told, and nothing comes twice."""
    results = {f"t{number}": "x" * MOST_BYTES for number in range(40)}
    found = environment(results)
    assert ALL not in found
    held = [name for name in results if variable(name) in found]
    assert held == list(results)[: len(held)]
    assert sum(len(name) + len(found[name]) for name in map(variable, held)) <= VARIABLES_BYTES
    assert found[LEFT_OUT].split(",") == list(results)[len(held) :]
    small = {f"t{number}": "x" * 20 for number in range(1000)}
    assert LEFT_OUT not in environment(small)
    assert len(environment(small).get(ALL, "")) <= ALL_BYTES
