"""A user's files are read as they are, or refused row by row with what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.simulate.shape import Burden
from loadstar.simulate.traces import LOADS, NODES, SHOWN, TASKS, TraceError, loads, nodes, tasks
from tests.unit.simulate.clusters import GIB, host


def test_a_task_with_all_columns_and_one_with_the_least() -> None:
    """Amounts are quantities; what is not said is as it is used, and by arrival."""
    found = tasks(
        [
            "arrival, seconds, cpu, memory, io, request_cpu, request_memory, class, start\n",
            "9,30,1.5,512Mi,0.2,250m,1Gi,encode,2\n",
            "1,10,250m,,,,,,\n",
        ],
        "t.csv",
        1,
    )
    least, whole = found
    assert (whole.arrival, whole.work, whole.cpu, whole.memory, whole.io) == (9, 30, 1.5, GIB / 2, 0.2)
    assert (whole.declared, whole.kind, whole.delay, whole.number) == ({"cpu": 250, "memory": GIB}, "encode", 2, 1)
    assert (least.cpu, least.declared, least.kind) == (0.25, {"cpu": 250, "memory": 200 * 2**20}, "default")
    assert 1.5 <= least.delay <= 5


def test_a_request_of_zero_is_none_at_all() -> None:
    """It is not the same as one that is not said."""
    (found,) = tasks(["arrival,seconds,cpu,request_cpu\n", "0,1,1,0\n"], "t.csv", 1)
    assert "cpu" not in found.declared


def test_every_bad_row_is_told_by_its_line_with_what_is_allowed() -> None:
    """All of them at once, and all that is wrong with each."""
    with pytest.raises(TraceError) as caught:
        tasks(["arrival,seconds,cpu\n", "0,10,1\n", "-1,soon,1\n", "0,10,\n", "0,10,1,7\n"], "t.csv", 1)
    text = str(caught.value)
    assert text.splitlines()[0] == "t.csv: 3 bad rows"
    assert "line 3: arrival is '-1': must be seconds, 0 or more; seconds is 'soon': must be" in text
    assert "line 4: cpu is '': must be what it uses, such as 250m or 1.5" in text
    assert "line 5: more values than columns" in text


def test_of_very_many_bad_rows_some_are_told() -> None:
    """And how many there are beside them."""
    with pytest.raises(TraceError, match=f"{SHOWN + 5} bad rows") as caught:
        tasks(["arrival,seconds,cpu\n", *["x,1,1\n"] * (SHOWN + 5)], "t.csv", 1)
    assert str(caught.value).endswith("and 5 more lines")


@pytest.mark.parametrize("head", ["", "arrival,cpu\n", "arrival,seconds,cpu,colour\n"])
def test_columns_that_are_missing_or_mean_nothing_are_named(head: str) -> None:
    """With those that there are."""
    with pytest.raises(TraceError, match=r"(lacks the columns|mean nothing: colour).*columns: class, arrival"):
        tasks([head, "0,1,1,2\n"], "t.csv", 1)


def test_a_file_without_rows_is_no_trace() -> None:
    """An empty answer would look like a fast cluster."""
    with pytest.raises(TraceError, match="has no rows"):
        tasks(["arrival,seconds,cpu\n"], "t.csv", 1)


def test_nodes_with_others_on_them() -> None:
    """What others request is what they use unless it is said."""
    found = nodes(
        ["name,cpu,memory,io,others_cpu,others_request_cpu\n", "a,8,32Gi,2,500m,2\n", "b,7800m,30Gi,,500m,\n"], "n.csv"
    )
    assert [(each.name, each.cores, each.disk, each.requested["cpu"]) for each in found] == [
        ("a", 8, 2, 2000),
        ("b", 7.8, 1, 500),
    ]
    assert found[0].burdens == (Burden(0, 0.5, 0),)


def test_two_nodes_of_one_name_are_told() -> None:
    """So is one without a name."""
    with pytest.raises(TraceError, match=r"line 3: name is 'a'.*\n.*line 4: name is ''"):
        nodes(["name,cpu,memory\n", "a,8,32Gi\n", "a,8,32Gi\n", ",8,32Gi\n"], "n.csv")


def test_loads_follow_the_time_and_name_nodes_that_there_are() -> None:
    """In the order of their times, whatever that of the rows is."""
    lines = ["node,time,cpu,memory\n", "n0,60,2,1Gi\n", "n0,0,1,\n"]
    (found,) = loads(lines, "l.csv", [host()])
    assert [(each.since, each.cpu, each.memory) for each in found.burdens] == [(0, 1, 0), (60, 2, GIB)]
    with pytest.raises(TraceError, match="line 2: node is 'x': must be the name of a node, such as n0"):
        loads(["node,time,cpu\n", "x,0,1\n"], "l.csv", [host()])


def test_what_is_no_csv_is_refused() -> None:
    """Where it stands is told."""
    with pytest.raises(TraceError, match=r"f\.csv, after line \d+: new-line character seen"):
        tasks(["arrival,seconds,cpu\n", "0,1,1\n", "1\r2,1,1\n"], "f.csv", 1)


@given(st.lists(st.text(alphabet='abc019.,-"\n mGi', max_size=40), max_size=8))
def test_no_file_does_anything_but_be_read_or_refused(lines: list[str]) -> None:
    """Whatever is in it."""
    reads: list[tuple[str, Iterable[str], Callable[[list[str]], Sequence[object]]]] = [
        ("class", TASKS, lambda given: tasks(given, "f.csv", 1)),
        ("name", NODES, lambda given: nodes(given, "f.csv")),
        ("node", LOADS, lambda given: loads(given, "f.csv", [host()])),
    ]
    for label, head, read in reads:
        with suppress(TraceError):
            assert read([f"{label},{','.join(head)}\n", *lines])
