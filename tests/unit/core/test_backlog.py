"""Whose turn it is: orderings, fair shares, limits, and that a Task in the way of nobody is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core.backlog import Backlog
from loadstar.core.decision import Unplaced
from loadstar.core.model import Placement
from loadstar.core.queues import Limits, Ordering, TaskQueue, Tenant
from loadstar.core.reasons import Reason
from loadstar.core.template import Template
from loadstar.core.waiting import Waiting
from tests.unit.core.builders import worker

FULL = Unplaced(Reason.WAITING_FOR_CAPACITY, "0/1 nodes")
CPU = {"cpu": 100}


def one(name: str, *, namespace: str = "ns", **fields: Any) -> Waiting:
    base = Waiting((namespace, name), name, "default", 500, 0.0, 0.0, "form")
    return replace(base, **fields)


def template(cpu: int = 100) -> Template:
    return Template(worker(cpu=cpu), Placement(), (), ())


def backlog(*queues: TaskQueue, owners: Mapping[str, Tenant] | None = None) -> Backlog:
    made = Backlog((owners or {}).get)
    made.put_node("a", {"cpu": 10_000, "memory": 2**33, "pods": 1000})
    for queue in queues:
        made.put_queue(queue)
    return made


def placed(made: Backlog, requests: Mapping[str, int] = CPU) -> str:
    """The first Task gets a node."""
    line = made.next()
    assert line is not None
    key = line.first
    made.hold(key, line.lane.name, requests)
    made.drop(key)
    return key[1]


def order(made: Backlog) -> str:
    """The names of all that wait in the order of their turns."""
    names = ""
    while made.next() is not None:
        names += placed(made)
    return names


def test_priority_with_age() -> None:
    """A wait of agingSeconds is worth a point of priority; None: none."""
    tasks = [
        one("a", priority=500, created=0.0),
        one("b", priority=510, created=99.0),
        one("c", priority=510, created=101.0),
        one("d", priority=511, created=101.0),
    ]
    for aging, expected in ((10.0, "dbac"), (None, "dbca")):
        made = backlog(TaskQueue("ns", "default", aging_seconds=aging))
        for task in tasks:
            made.put(task)
        assert order(made) == expected


def test_fifo_is_by_creation() -> None:
    """Whatever their priority; equal times go by uid."""
    made = backlog(TaskQueue("ns", "default", ordering=Ordering.FIFO))
    for task in (one("c", created=2.0), one("b", created=1.0, priority=0), one("a", created=1.0, priority=0)):
        made.put(task)
    assert order(made) == "abc"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), st.floats(0, 1e6), st.sampled_from("xyz")), max_size=30))
def test_the_lowest_waits_no_longer_than_a_thousand_agings(others: list[tuple[int, float, str]]) -> None:
    """The bound of aging: nobody who came 1,000 x agingSeconds after a Task is placed before it, whatever the
    priorities and the forms of both.
    """
    aging, created = 10.0, 1000.0
    made = backlog(TaskQueue("ns", "default", aging_seconds=aging))
    made.put(one("low", priority=0, created=created))
    for number, (priority, at, form) in enumerate(others):
        made.put(one(str(number), priority=priority, created=at, form=form))
    while (name := placed(made)) != "low":
        assert others[int(name)][1] <= created + 1000 * aging


def test_a_changed_priority_acts_at_once() -> None:
    """Between two assignments of one cycle; so does an edit of anything else, and a Task that goes."""
    made = backlog()
    for name in "abcd":
        made.put(one(name, created=float(ord(name)), form="x" if name in "ac" else "y"))
    assert [name for _, name in made.ahead(("ns", "d"))] == ["a", "b", "c"]
    assert placed(made) == "a"
    made.change(("ns", "d"), 900)
    made.change(("ns", "gone"), 900)
    made.drop(("ns", "b"))
    assert order(made) == "dc"


def test_one_without_a_node_is_in_nobodys_way() -> None:
    """A line that finds none is asked no more, with all behind it of the same form; those of others are."""
    made = backlog()
    for number in range(3):
        made.put(one(f"big{number}", priority=900, form="big"))
        made.put(one(f"small{number}", form="small"))
    line = made.next()
    assert line is not None
    assert line.form == "big"
    made.park(line, FULL, template(cpu=9000))
    assert [placed(made) for _ in range(3)] == ["small0", "small1", "small2"]
    assert made.next() is None
    assert made.verdict(("ns", "big2")) == FULL
    made.begin(lambda _: (8999, 2**40))
    assert made.next() is None, "no node has so much room"
    made.begin(lambda _: (9000, 2**40))
    assert [placed(made) for _ in range(3)] == ["big0", "big1", "big2"]


def test_news_of_reasons() -> None:
    """Each Task is news once when the reason for which it waits is another one, also one that joins later."""
    made = backlog()
    made.put(one("a"))
    made.announce()
    assert not made.news
    line = made.next()
    assert line is not None
    made.park(line, FULL, template())
    made.announce()
    made.put(one("b"))
    assert list(made.news) == [("ns", "a"), ("ns", "b")]
    made.news.clear()
    made.explain(line, replace(FULL, message="0/2 nodes"))
    made.announce()
    assert not made.news, "the words alone are no news"
    made.put_queue(TaskQueue("ns", "default", suspend=True))
    made.announce()
    assert len(made.news) == 2
    made.drop(("ns", "a"))
    assert list(made.news) == [("ns", "b")]


def test_load_aware_takes_the_best_score() -> None:
    """The line whose best node has the lowest score goes first; scores found before other placements are no bar."""
    made = backlog(TaskQueue("ns", "default", ordering=Ordering.LOAD_AWARE))
    scores = {"x": 0.5, "y": 0.2, "z": 0.4}
    for number, form in enumerate("xyz"):
        made.put(one(f"{form}1", form=form, created=float(number)))
        made.put(one(f"{form}2", form=form, created=float(number)))
    made.begin(lambda _: (0, 0))
    names = []
    while (line := made.next()) is not None:
        if made.weigh(line, scores[str(line.form)]):
            names.append(placed(made))
            scores[str(line.form)] += 0.25
    assert names == ["y1", "z1", "y2", "x1", "z2", "x2"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1000), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_load_aware_starves_none(others: list[tuple[float, int, float]]) -> None:
    """However bad its score: nobody who came 11,000 x agingSeconds later goes first."""
    aging, created = 1.0, 1000.0
    made = backlog(TaskQueue("ns", "default", ordering=Ordering.LOAD_AWARE, aging_seconds=aging))
    made.put(one("low", priority=0, created=created, form="bad"))
    scores = {"bad": 10.0}
    for number, (score, priority, at) in enumerate(others):
        made.put(one(str(number), priority=priority, created=at, form=f"f{number}"))
        scores[f"f{number}"] = score
    while True:
        line = made.next()
        assert line is not None
        if made.weigh(line, scores[str(line.form)]):
            if (name := placed(made)) == "low":
                break
            assert others[int(name)][2] <= created + 11_000 * aging


def test_limits_of_a_queue() -> None:
    """Running Tasks, CPU, memory: what does not fit under the limit waits, what does goes on, and says by how much."""
    limits = Limits(running=3, requests={"cpu": 1000})
    made = backlog(TaskQueue("ns", "default", limits=limits))
    for name, cpu in (("big", 900), ("b", 100), ("c", 100), ("d", 100)):
        made.put(one(name, form=cpu, priority=900 if name == "big" else 500))
    assert placed(made, {"cpu": 200}) == "big"
    line = made.next()
    assert line is not None
    assert made.over(line, {"cpu": 801})
    assert made.barred(("ns", "b"), {"cpu": 801}) is not None
    assert made.barred(("ns", "b"), {"cpu": 800}) is None
    assert made.next() is None, "all the others are of its form"
    verdict = made.verdict(("ns", "b"))
    assert verdict is not None
    assert verdict == Unplaced(Reason.QUEUE_LIMIT, "queue default: cpu 200m of 1 is held; asks for 801m")
    made.put(one("e", form=50))
    assert placed(made, {"cpu": 50}) == "e"
    made.release(("ns", "big"))
    assert placed(made) == "b"
    assert placed(made) == "c"
    assert made.next() is None
    assert made.verdict(("ns", "d")) == Unplaced(Reason.QUEUE_LIMIT, "queue default: 3 of 3 Tasks hold a node")
    made.release(("ns", "e"))
    assert placed(made) == "d"


def test_a_queue_suspended_or_absent() -> None:
    """Its Tasks wait with a reason of their own, and go on when it is there and open."""
    made = backlog(TaskQueue("ns", "batch", suspend=True), TaskQueue("other", "night"))
    made.put(one("a", queue="batch"))
    made.put(one("b", queue="night"))
    assert made.next() is None
    assert made.verdict(("ns", "a")) == Unplaced(Reason.QUEUE_SUSPENDED, "queue batch is suspended")
    text = "there is no TaskQueue night in namespace ns; there: batch, default"
    assert made.verdict(("ns", "b")) == Unplaced(Reason.QUEUE_NOT_FOUND, text)
    made.put_queue(TaskQueue("ns", "batch"))
    made.put_queue(TaskQueue("ns", "night"))
    assert sorted(order(made)) == ["a", "b"]
    made.put(one("c", queue="night"))
    made.drop_queue(("ns", "night"))
    assert made.next() is None


def shares(made: Backlog, turns: int) -> Counter[str]:
    """Who got so many turns, by the first letter of the name."""
    return Counter(placed(made)[0] for _ in range(turns))


def test_queues_share_by_weight() -> None:
    """In a namespace each queue gets what its weight says while all have Tasks waiting."""
    made = backlog(TaskQueue("ns", "a", weight=50), TaskQueue("ns", "b", weight=30), TaskQueue("ns", "c", weight=20))
    for name in "abc":
        for number in range(40 if name == "c" else 100):
            made.put(one(f"{name}{number}", queue=name))
    assert shares(made, 100) == {"a": 50, "b": 30, "c": 20}
    assert shares(made, 100) == {"a": 50, "b": 30, "c": 20}


def test_namespaces_and_tenants_share() -> None:
    """Tenants by weight, their namespaces alike; a namespace of no tenant is a tenant of weight 100."""
    rich = Tenant("rich", weight=200)
    made = backlog(owners={"r": rich, "s": rich})
    for name in ("r", "s", "n"):
        for number in range(100):
            made.put(one(f"{name}{number}", namespace=name))
    assert shares(made, 90) == {"r": 30, "s": 30, "n": 30}


def test_the_dominant_resource_counts() -> None:
    """Its authors' example: 9 CPUs and 18 GB, Tasks of <1, 4> and of <3, 1>: three of the one, two of the other."""
    made = Backlog()
    made.put_node("a", {"cpu": 9000, "memory": 18, "pods": 1000})
    needs = {"a": {"cpu": 1000, "memory": 4}, "b": {"cpu": 3000, "memory": 1}}
    for name in needs:
        for number in range(10):
            made.put(one(f"{name}{number}", namespace=name))
    names = []
    for _ in range(5):
        line = made.next()
        assert line is not None
        names.append(placed(made, needs[line.lane.key[0]]))
    assert Counter(name[0] for name in names) == {"a": 3, "b": 2}


def test_limits_of_a_tenant() -> None:
    """Together its namespaces hold no more; another tenant's Tasks go on."""
    small = Tenant("small", limits=Limits(running=2, requests={"cpu": 500}))
    owners = {"r": small, "s": small}
    made = backlog(owners=owners)
    for name in ("r", "s", "n"):
        for number in range(3):
            made.put(one(f"{name}{number}", namespace=name))
    assert shares(made, 5) == {"r": 1, "s": 1, "n": 3}
    assert made.next() is None
    assert made.verdict(("r", "r1")) == Unplaced(Reason.TENANT_LIMIT, "tenant small: 2 of 2 Tasks hold a node")
    owners.clear()
    made.rehome()
    assert made.verdict(("r", "r1")) is None
    assert shares(made, 4) == {"r": 2, "s": 2}


def test_a_namespace_that_changes_hands_takes_what_it_holds_along() -> None:
    """Shares and limits go by who owns a namespace now."""
    first, second = Tenant("first", limits=Limits(running=1)), Tenant("second", limits=Limits(running=1))
    owners = {"ns": first, "x": second}
    made = backlog(owners=owners)
    made.put(one("a"))
    made.put(one("b", namespace="x"))
    assert sorted(order(made)) == ["a", "b"]
    made.put(one("c"))
    owners["ns"] = second
    made.rehome()
    verdict = made.verdict(("ns", "c"))
    assert verdict is not None
    assert verdict.message == "tenant second: 2 of 1 Tasks hold a node"
    made.release(("x", "b"))
    made.release(("ns", "a"))
    assert order(made) == "c"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "change", "place", "refuse", "release", "queue", "begin"]),
        st.integers(0, 5),
        st.integers(0, 1000),
        st.sampled_from(["default", "q"]),
        st.sampled_from(["x", "y"]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS)
def test_incremental_is_as_anew(steps: list[tuple[str, int, int, str, str]]) -> None:  # noqa: C901 - one case a step
    """After any changes the order of turns is the one that a backlog gives which was told all at once."""
    made = backlog(TaskQueue("ns", "q", weight=30))
    waiting: dict[tuple[str, str], Waiting] = {}
    holding: dict[tuple[str, str], str] = {}
    spec = TaskQueue("ns", "q", weight=30)
    for what, number, value, queue, form in steps:
        key = ("ns", str(number))
        if what == "put" and key not in holding:
            waiting[key] = one(str(number), queue=queue, priority=value, created=float(value % 7), form=form)
            made.put(waiting[key])
        elif what == "drop":
            waiting.pop(key, None)
            made.drop(key)
        elif what == "change" and key in waiting:
            waiting[key] = replace(waiting[key], priority=value)
            made.change(key, value)
        elif what == "place" and (line := made.next()) is not None:
            first = line.first
            holding[first] = line.lane.name
            made.hold(first, line.lane.name, CPU)
            made.drop(first)
            del waiting[first]
        elif what == "refuse" and (line := made.next()) is not None:
            made.park(line, FULL, template())
        elif what == "release":
            holding.pop(key, None)
            made.release(key)
        elif what == "queue":
            running = number or None
            spec = replace(spec, weight=value + 1, limits=Limits(running=running), ordering=list(Ordering)[value % 2])
            made.put_queue(spec)
        elif what == "begin":
            made.begin(lambda _: (100, 2**40))
    made.begin(lambda _: (100, 2**40))
    anew = backlog(spec)
    for key, queue in holding.items():
        anew.hold(key, queue, CPU)
    for task in waiting.values():
        anew.put(task)
    assert len(made) == len(anew) == len(waiting)
    assert order(made) == order(anew)


def test_nothing_is_kept_of_what_is_gone() -> None:
    """Queues, namespaces and tenants in which nobody waits or holds a node are forgotten."""
    made = backlog(owners={"ns": Tenant("t")})
    made.put(one("a", queue="nowhere"))
    made.put(one("b", namespace="other"))
    made.hold(("x", "c"), "default", CPU)
    made.drop(("ns", "a"))
    made.clear()
    made.release(("x", "c"))
    assert list(made.lanes()) == []
    assert not made._namespaces
    assert not made._root.children
    with pytest.raises(KeyError):
        made.line(("ns", "a"))
