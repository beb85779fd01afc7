"""Which node a series of Prometheus is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.sources.vector import Names, Series, assign, mismatch, parse
from tests.unit.sources.doubles import node, nodes

RECORDED = (Path(__file__).with_name("recorded") / "vector.json").read_bytes()


def series(**labels: str) -> Series:
    return Series(labels, 1.0, 1.0)


def test_recorded() -> None:
    """An answer of Prometheus 2.42 to node_load1, scraped from three nodes."""
    found = parse(RECORDED)
    assert [item.labels["instance"] for item in found] == [f"10.89.0.1{n}:9100" for n in (1, 2, 3)]
    assert {(item.time, item.value) for item in found} == {(1795605922.698, 1.46)}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "is this Prometheus' address"),
        (b'{"status":"error","error":"parse error"}', "parse error"),
        (b'{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}', "returns a scalar"),
        (b'{"status":"success","data":{"resultType":"matrix","result":[]}}', "returns a matrix"),
        (b"[]", "refused"),
    ],
)
def test_what_is_no_vector_is_refused_in_words(body: bytes, words: str) -> None:
    """A scalar or a range is a query of the wrong kind; a page is a wrong address."""
    with pytest.raises(ValueError, match=words):
        parse(body)


VALUES = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=3)


@given(st.lists(st.fixed_dictionaries({}, optional={"metric": VALUES, "value": VALUES}) | VALUES, max_size=4))
def test_odd_series_are_passed_over(result: list[Any]) -> None:
    """One series of another shape spoils none of the others."""
    good = {"metric": {"node": "a"}, "value": [1, "2"]}
    body = {"status": "success", "data": {"resultType": "vector", "result": [*result, good]}}
    assert parse(json.dumps(body).encode())[-1] == Series({"node": "a"}, 1.0, 2.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        ("a:9100", "a"),
        ("10.0.0.1", "a"),
        ("10.0.0.1:10250", "a"),
        ("[fd00::1]:9100", "six"),
        ("fd00::1", "six"),
        ("b:http", None),
        ("10.0.0.9:9100", None),
        ("shared", None),
        ("", None),
    ],
)
def test_a_label_names_a_node(value: str, expected: str | None) -> None:
    """By name or address, with or without a port; what two nodes call themselves names neither."""
    twins = [node("t1", "shared"), node("t2", "shared")]
    assert Names([*nodes("a", "b").values(), node("six", "fd00::1"), *twins]).find(value) == expected


def test_a_name_beats_an_address() -> None:
    """A node that is called like another's address keeps its name."""
    assert Names([node("a", "b"), node("b", "10.0.0.2")]).find("b") == "b"


def test_labels_are_tried_in_order() -> None:
    """The first label that names a node decides; who names none is a stranger."""
    found = [series(node="a", instance="b"), series(node="x", instance="b"), series(instance="y"), series()]
    assigned = assign(found, Names(nodes("a", "b").values()), ("node", "instance"))
    assert assigned.by_node == {"a": [found[0]], "b": [found[1]]}
    assert assigned.strangers == found[2:]


def test_exactly_one_for_each_is_a_match() -> None:
    """Series of others than the nodes do no harm then."""
    known = Names(nodes("a", "b").values())
    assigned = assign([series(node="a"), series(node="b"), series(instance="db")], known, ("node",))
    assert mismatch(assigned, {"a", "b"}, {"a", "b"}, ("node",)) == ""


def test_a_mismatch_says_what_came() -> None:
    """None, several, unusable, and of whom: enough to mend the query or the labels."""
    ready = nodes("a", "b", "c", "d")
    found = [series(node="a"), series(node="b", job="x"), series(node="b", job="y"), series(node="c"), series(i="z")]
    text = mismatch(assign(found, Names(ready.values()), ("node", "i")), {"a"}, ready, ("node", "i"))
    assert text == (
        'one sample each for 1 of 4 Ready nodes, none for d, several for b, such as {job="y", node="b"}, a value that '
        'cannot be for c, 1 series name no node by node or i, such as {i="z"}'
    )
