"""Who is stopped for whom: enough, no more than is needed, the cheapest, and never in cycles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core.fit import reject
from loadstar.core.nodes import NodeView
from loadstar.core.preemption import MOST_TIMES, Plan, Victim, plan
from loadstar.core.resources import Asks
from tests.unit.core.builders import ALLOCATABLE, request, snapshot, taint, view, worker

MI = 2**20


def victim(name: str, node: str = "a", cpu: int = 1000, **fields: Any) -> Victim:
    base = Victim(("ns", name), name, 1, 100, node, {"cpu": cpu, "memory": MI}, lost=10.0)
    return replace(base, **fields)


def full(name: str, *victims: Victim, cpu: int = 4000, **fields: Any) -> NodeView:
    """A node on which these run, and others that take all the rest of its CPU."""
    own = [one for one in victims if one.node == name]
    requested = {"cpu": cpu, "memory": MI * len(own), "pods": len(own) + 1}
    return view(name, requested=requested, **fields)


def planned(
    victims: list[Victim], *views: NodeView, cpu: int = 1000, priority: int = 500, **fields: Any
) -> Plan | None:
    return plan(request(worker=worker(cpu, MI), **fields), priority, victims, snapshot(*views))


def names(found: Plan | None) -> set[str]:
    return {one.uid for one in found.victims} if found is not None else set()


def test_the_cheapest_go_first() -> None:
    """The least work lost, in minutes; of that the lowest priority; of that the fewest; of that the fewest seconds."""
    long, short = victim("long", "a", lost=600.0), victim("short", "b", lost=70.0)
    assert names(planned([long, short], full("a", long), full("b", short))) == {"short"}
    low, high = victim("low", "a", priority=1, lost=50.0), victim("high", "b", priority=2, lost=0.0)
    assert names(planned([low, high], full("a", low), full("b", high))) == {"low"}
    halves = [victim("h1", "a", cpu=500), victim("h2", "a", cpu=500)]
    whole = victim("whole", "b", lost=30.0)
    assert names(planned([*halves, whole], full("a", *halves), full("b", whole))) == {"whole"}
    near, far = victim("near", "a", lost=20.0), victim("far", "a", lost=10.0)
    assert names(planned([near, far], full("a", near, far))) == {"far"}


def test_only_as_many_as_are_needed() -> None:
    """Small ones that were taken first and turn out not to be needed go on; none goes where all are not enough."""
    small, large = victim("small", cpu=100, lost=0.0), victim("large", cpu=2000, lost=60.0)
    assert names(planned([small, large], full("a", small, large), cpu=2000)) == {"large"}
    assert planned([small, large], full("a", small, large), cpu=2200) is None
    assert planned([], full("a")) is None


def test_never_of_equal_or_higher_priority_nor_without_end() -> None:
    """Strictly lower; and who was stopped three times is left alone, as is the Task itself."""
    for one in (victim("x", priority=500), victim("x", priority=501), victim("x", times=MOST_TIMES), victim("u")):
        assert planned([one], full("a", one)) is None
    assert names(planned([victim("x", priority=499, times=MOST_TIMES - 1)], full("a", victim("x")))) == {"x"}


def test_only_want_of_room_is_helped() -> None:
    """A node that is cordoned, tainted, without a label or too small stays so, whoever is stopped there."""
    one = victim("x")
    for closed in ({"unschedulable": True}, {"ready": False}, {"taints": (taint(),)}):
        assert planned([one], full("a", one, **closed)) is None
    assert planned([one], full("a", one), cpu=9000) is None
    assert planned([one], full("a", one), node_selector=(("disk", "ssd"),)) is None
    assert planned([victim("x", "gone")], full("a", one)) is None


def test_room_is_made_for_what_is_declared() -> None:
    """What was learned to be enough may not be where a node is hot: then there is room all the same."""
    one = victim("x", cpu=500)
    asked = request(worker=worker(1000, MI))
    modest = replace(asked, template=replace(asked.template, learned=Asks({"cpu": 100})))
    assert plan(modest, 500, [one], snapshot(full("a", one))) is None
    assert names(plan(modest, 500, [victim("y")], snapshot(full("a", victim("y"))))) == {"y"}


def test_nodes_to_be_avoided_come_last() -> None:
    """Dearer elsewhere is better than where it failed or is to be apart; where there is nothing else, there."""
    cheap, dear = victim("cheap", "a", lost=0.0), victim("dear", "b", lost=900.0)
    views = full("a", cheap), full("b", dear)
    assert names(planned([cheap, dear], *views, avoid=frozenset({"a"}))) == {"dear"}
    assert names(planned([cheap], views[0], avoid=frozenset({"a"}))) == {"cheap"}


VICTIMS = st.lists(
    st.builds(
        lambda number, node, cpu, priority, lost, times: victim(
            f"v{number}", node, cpu, priority=priority, lost=lost, times=times
        ),
        st.integers(0, 10**6),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 20).map(lambda cpu: cpu * 100),
        st.integers(0, 10),
        st.floats(0, 1000),
        st.integers(0, MOST_TIMES + 1),
    ),
    max_size=12,
    unique_by=lambda one: one.uid,
)


@settings(deadline=None)
@given(VICTIMS, st.integers(0, 40), st.integers(0, 10), st.integers(0, 4000))
def test_a_plan_suffices_spares_and_is_found(victims: list[Victim], cpu: int, priority: int, others: int) -> None:
    """After it the Task fits; with any one of its victims left it would not; where there is none, none was possible."""
    asked = request(worker=worker(cpu * 100, MI))
    views = [
        full(name, *victims, cpu=others + sum(one.requests["cpu"] for one in victims if one.node == name))
        for name in "abc"
    ]
    found = plan(asked, priority, victims, snapshot(*views))
    usable = [one for one in victims if one.priority < priority and one.times < MOST_TIMES]
    if found is None:
        for node in views:
            fits = reject(node, asked) is None
            assert fits or not fits_without(node, asked, [one for one in usable if one.node == node.node.name])
        return
    there = next(node for node in views if node.node.name == found.node)
    assert found.victims
    assert {one.uid for one in found.victims} <= {one.uid for one in usable if one.node == found.node}
    assert fits_without(there, asked, list(found.victims))
    for spared in found.victims:
        assert not fits_without(there, asked, [one for one in found.victims if one is not spared])


def fits_without(node: NodeView, asked: Any, gone: list[Victim]) -> bool:
    requested = dict(node.requested)
    for one in gone:
        requested["cpu"] -= one.requests["cpu"]
        requested["memory"] -= one.requests["memory"]
        requested["pods"] -= 1
    return reject(replace(node, requested=requested), asked) is None


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_preemption_comes_to_rest(tasks: list[tuple[int, int]], chance: Any) -> None:
    """Tasks that never end, in any order: after a bounded number of stops nobody is stopped any more, and then nobody
    who waits could have been placed by stopping others that may be stopped.
    """
    running: dict[str, tuple[str, int]] = {}
    times = dict.fromkeys(range(len(tasks)), 0)
    waiting = list(range(len(tasks)))
    stops = 0
    moved = True
    while moved:
        moved = False
        for index in chance.sample(waiting, len(waiting)):
            priority, size = tasks[index]
            victims = [
                victim(str(other), node, tasks[other][1] * 100, priority=tasks[other][0], times=times[other])
                for _, (node, other) in running.items()
            ]
            views = [
                view(
                    name,
                    requested={
                        "cpu": sum(one.requests["cpu"] for one in victims if one.node == name),
                        "memory": 0,
                        "pods": 0,
                    },
                )
                for name in "ab"
            ]
            asked = request(f"t{index}", worker=worker(size * 100, 0))
            free = next((node.node.name for node in views if reject(node, asked) is None), None)
            found = None if free else plan(asked, priority, victims, snapshot(*views))
            if free is None and found is None:
                continue
            for one in found.victims if found else ():
                other = int(one.uid)
                assert tasks[other][0] < priority
                del running[one.uid]
                times[other] += 1
                waiting.append(other)
                stops += 1
            running[str(index)] = (free or (found.node if found else ""), index)
            waiting.remove(index)
            moved = True
            break
    assert stops <= MOST_TIMES * len(tasks)
    assert all(count <= MOST_TIMES for count in times.values())
    assert ALLOCATABLE["cpu"] == 4000
