"""Who waits for whom: every order of events ends alike, and a change costs what it changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadstar.core.dependencies import MISSING_SECONDS, Needs, Rule, kept, verdict
from loadstar.core.graph import Graph
from loadstar.core.model import Task, TaskStatus
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from loadstar.core.waiting import Key
from tests.unit.core.builders import NOW, task

DONE = TaskStatus(state=State.SUCCESS, reason=Reason.COMPLETED)
FAILED = TaskStatus(state=State.FAILED, reason=Reason.WORKER_FAILED)


class World:
    """A graph with the Tasks that it looks up."""

    def __init__(self) -> None:
        self.tasks: dict[Key, Task] = {}
        self.graph = Counted(self.tasks.get)

    def put(self, one: Task) -> set[Key]:
        self.tasks[one.key] = one
        return self.graph.apply(one)

    def add(self, name: str, *dependencies: str, rules: dict[str, Rule] | None = None, **fields: Any) -> set[Key]:
        waits = {other: (rules or {}).get(other, Rule.SUCCESS) for other in dependencies}
        return self.put(task(**{"name": name, "uid": f"{name:_<8}-1", "dependencies": waits, **fields}))

    def end(self, name: str, status: TaskStatus = DONE) -> set[Key]:
        return self.put(replace(self.tasks["ns", name], status=status))

    def remove(self, name: str) -> set[Key]:
        one = self.tasks.pop(("ns", name))
        return self.graph.remove(one.key, one.uid)

    def needs(self, name: str) -> Needs:
        found = self.graph.needs(("ns", name))
        assert found is not None
        return found

    def said(self, name: str, now: float = NOW) -> tuple[Reason, str]:
        found = verdict(self.needs(name), self.tasks["ns", name].created, now)
        return found.reason, found.message


class Counted(Graph):
    """Counts the edges that are looked at in search of cycles."""

    looked = 0

    def _ahead(self, key: Key) -> Iterator[Key]:
        for found in super()._ahead(key):
            self.looked += 1
            yield found

    def _behind(self, key: Key) -> Iterator[Key]:
        for found in super()._behind(key):
            self.looked += 1
            yield found


def test_a_task_without_dependencies_is_no_concern() -> None:
    """It needs nothing, nobody needs it, and it changes nothing for anybody."""
    world = World()
    assert world.add("a") == set()
    assert world.graph.needs(("ns", "a")) is None
    assert not world.graph.needed(("ns", "a"))


def test_a_task_waits_until_its_dependencies_have_ended() -> None:
    """The counts follow each end; who waits is told only when something else follows for him."""
    world = World()
    for name in ("a", "b"):
        world.add(name)
    world.add("c", "a", "b")
    assert world.said("c") == (
        Reason.WAITING_FOR_DEPENDENCIES,
        "0 of 2 done; waits for a (PENDING), b (PENDING)",
    )
    assert world.end("a") == set()
    assert world.said("c")[1] == "1 of 2 done; waits for b (PENDING)"
    assert world.end("b") == {("ns", "c")}
    assert world.needs("c").met


@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.parametrize("status", [DONE, FAILED])
def test_rules_say_how_a_dependency_must_end(rule: Rule, status: TaskStatus) -> None:
    """Success and Failure ask for that end, Finished for either; whoever ended before counts as well."""
    for early in (False, True):
        world = World()
        world.add("a")
        if early:
            world.end("a", status)
        world.add("b", "a", rules={"a": rule})
        world.end("a", status)
        needs = world.needs("b")
        assert needs.met is bool(kept(rule, status.state))
        if not needs.met:
            found = verdict(needs, NOW, NOW)
            assert (found.reason, found.final) == (Reason.DEPENDENCY_FAILED, True)
            assert found.message.startswith(f"a ended {status.state} ({status.reason}), and must end in")


def test_a_failure_is_known_when_its_task_is_gone() -> None:
    """Deleted right after it failed, it has failed all the same."""
    world = World()
    world.add("a")
    world.add("b", "a")
    world.end("a", FAILED)
    world.remove("a")
    assert world.said("b")[1].startswith("a ended FAILED (WorkerFailed)")
    world.add("a", uid="another_-2")
    assert world.said("b")[0] is Reason.DEPENDENCY_FAILED


def test_what_is_missing_is_waited_for_and_then_told() -> None:
    """Five minutes after the Task's creation the reason becomes DependencyMissing; when it comes, the Task goes on."""
    world = World()
    world.add("b", "a", "x", created=NOW)
    world.add("x")
    assert world.said("b") == (
        Reason.WAITING_FOR_DEPENDENCIES,
        "0 of 2 done; waits for a (not there yet), x (PENDING)",
    )
    found = verdict(world.needs("b"), NOW, NOW)
    assert found.due == NOW + MISSING_SECONDS
    late = verdict(world.needs("b"), NOW, NOW + MISSING_SECONDS)
    assert (late.reason, late.final) == (Reason.DEPENDENCY_MISSING, False)
    assert late.message == "0 of 2 done; there is no Task a: waits until there is"
    assert world.add("a") == {("ns", "b")}
    assert world.said("b", NOW + MISSING_SECONDS)[0] is Reason.WAITING_FOR_DEPENDENCIES


def test_many_names_are_counted_and_few_are_told() -> None:
    """A message does not grow with the dependencies."""
    world = World()
    world.add("all", *(f"d{number}" for number in range(1000)))
    assert world.said("all")[1] == (
        "0 of 1000 done; waits for d0 (not there yet), d1 (not there yet), d2 (not there yet) and 997 more"
    )
    late = world.said("all", NOW + MISSING_SECONDS)[1]
    assert late == "0 of 1000 done; there is no Task d0, d1, d2 and 997 more: waits until there is"
    for number in range(1000):
        world.add(f"d{number}")
    assert world.said("all")[1] == "0 of 1000 done; waits for d0 (PENDING), d1 (PENDING), d2 (PENDING) and 997 more"


def test_deleted_before_its_end_is_not_replaced_by_its_name() -> None:
    """Another Task under the name of a dependency that was seen is not taken for it, whatever becomes of it."""
    world = World()
    world.add("a")
    world.add("b", "a")
    assert ("ns", "b") in world.remove("a")
    assert (world.needs("b").doubted, world.needs("b").lost) == ("a", ())
    world.graph.confirm(("ns", "b"), "a")
    assert world.said("b")[0] is Reason.DEPENDENCY_DELETED
    world.add("a", uid="another_-2")
    world.end("a")
    assert world.said("b") == (
        Reason.DEPENDENCY_DELETED,
        "a was deleted before it ended; another Task of that name does not stand for it; 0 of 1 done",
    )


def test_what_only_seemed_to_be_deleted_is_there_again() -> None:
    """A list that is behind shows less than there is: the same Task seen again is the dependency as before."""
    world = World()
    world.add("a")
    world.add("b", "a", priority=900)
    world.remove("a")
    assert ("ns", "b") in world.add("a")
    world.graph.confirm(("ns", "b"), "a")
    assert (world.needs("b").doubted, world.needs("b").lost, len(world.needs("b").open)) == ("", (), 1)
    assert world.graph.priority(world.tasks["ns", "a"]) == 900


def test_done_stays_done() -> None:
    """A dependency that ended well and was deleted counts, and a new Task of its name undoes nothing."""
    world = World()
    world.add("a")
    world.add("x")
    world.add("b", "a", "x")
    world.end("a")
    assert not world.needs("b").news
    assert ("ns", "b") in world.remove("a")
    assert (world.needs("b").done, world.needs("b").news) == (1, True)
    world.add("a", uid="another_-2")
    world.end("a", FAILED)
    assert world.needs("b").done == 1
    world.end("x")
    assert world.needs("b").met
    assert world.graph.marks(("ns", "b")) == {"a": "a_______", "x": "x_______"}


def test_a_status_remembers_what_the_cluster_has_forgotten() -> None:
    """From a record in the status a new graph goes on: done is done, deleted is deleted, a name is not enough."""
    world = World()
    for name in ("done", "open", "lost"):
        world.add(name)
    world.end("done")
    world.add("b", "done", "open", "lost", "never")
    record = world.needs("b").resolved
    assert record == "ddone____oopen____olost____---------"
    waiting = replace(world.tasks["ns", "b"], status=TaskStatus(resolved=record))
    new = World()
    new.put(waiting)
    assert new.needs("b").doubted == "open"
    for name in ("open", "lost"):
        new.graph.confirm(("ns", "b"), name)
    new.add("lost", uid="another_-2")
    new.end("lost")
    new.add("open")
    found = new.needs("b")
    assert (found.done, found.lost, found.missing, found.news) == (1, ("lost",), ("never",), False)
    assert [one.name for one in found.open] == ["open"]
    assert found.resolved == record


def test_a_record_that_is_no_record_resolves_nothing() -> None:
    """Whatever a status holds in that field, names that cannot be read from it were not seen."""
    for text in ("x" * 27, "o", "d1234567", "é" * 40, "o12345678" * 5):
        world = World()
        world.put(
            task(TaskStatus(resolved=text), name="b", uid="b", dependencies={"a": Rule.SUCCESS, "c": Rule.SUCCESS})
        )
        assert world.needs("b").total == 2


@pytest.mark.parametrize("length", [1, 2, 3, 30, 1000])
def test_who_closes_a_cycle_is_told_the_way(length: int) -> None:
    """The youngest of a cycle ends, with the cycle spelled out; no other one does."""
    names = [f"t{number:04}" for number in range(length)]
    for order in (range(length), reversed(range(length))):
        world = World()
        for at in order:
            world.add(names[at], names[(at + 1) % length], created=NOW + at)
        ends = [name for name in names if world.needs(name).cycle]
        assert ends == [names[-1]]
        assert world.needs(names[-1]).cycle == (names[-1], *names)
        reason, text = world.said(names[-1])
        assert reason is Reason.DEPENDENCY_CYCLE
        assert len(text) < 400
        if length == 3:
            assert text == "waits for itself: t0002 → t0000 → t0001 → t0002"


def test_a_cycle_is_open_once_one_of_it_is_gone() -> None:
    """What closed a cycle and ended leaves the others with a dependency that failed."""
    world = World()
    world.add("a", "b", created=NOW)
    world.add("b", "a", created=NOW + 1)
    assert world.said("b")[0] is Reason.DEPENDENCY_CYCLE
    assert world.end("b", replace(FAILED, reason=Reason.DEPENDENCY_CYCLE)) >= {("ns", "a")}
    assert world.said("a")[1].startswith("b ended FAILED (DependencyCycle)")


def test_a_wide_and_a_deep_graph_cost_what_they_have_edges() -> None:
    """1,000 wide and 1,000 deep, built forwards, backwards and in no order: a few looks an edge in all."""
    deep: list[tuple[str, tuple[str, ...]]]
    deep = [(f"t{number:04}", (f"t{number - 1:04}",) if number else ()) for number in range(1000)]
    middle = [f"t{number:04}" for number in range(1000)]
    wide: list[tuple[str, tuple[str, ...]]]
    wide = [("first", ("zero",)), *((name, ("first",)) for name in middle), ("last", tuple(middle))]
    for shape, edges in ((deep, 999), (wide, 2001)):
        mixed = random.Random(7).sample(shape, len(shape))
        for order in (shape, shape[::-1], mixed):
            world = World()
            for name, waits in order:
                world.add(name, *waits)
            assert world.graph.looked < 30 * edges
            before = world.graph.looked
            for name, _ in shape:
                world.end(name)
            assert world.graph.looked - before <= 2 * edges


def test_dependencies_inherit_the_highest_priority() -> None:
    """Transitively, at once, and only as long as whoever has it waits."""
    world = World()
    world.add("a", priority=100)
    world.add("b", "a", priority=200)
    world.add("c", "b", priority=300)
    changed = world.add("d", "b", priority=900)
    assert changed == {("ns", "a"), ("ns", "b"), ("ns", "d")}
    assert [world.graph.priority(world.tasks["ns", name]) for name in "abcd"] == [900, 900, 300, 900]
    assert world.add("d", "b", priority=250) == {("ns", "a"), ("ns", "b")}
    assert [world.graph.priority(world.tasks["ns", name]) for name in "abcd"] == [300, 300, 300, 250]
    world.remove("c")
    assert [world.graph.priority(world.tasks["ns", name]) for name in "abd"] == [250, 250, 250]
    world.end("d", FAILED)
    assert [world.graph.priority(world.tasks["ns", name]) for name in "ab"] == [200, 200]
    world.end("a")
    assert world.graph.priority(world.tasks["ns", "a"]) == 100


def test_needed_is_what_an_unfinished_task_names() -> None:
    """Whoever runs may be tried again, and needs results then: only its end lets its dependencies go; they are told."""
    world = World()
    world.add("a")
    world.end("a")
    world.add("b", "a")
    world.put(replace(world.tasks["ns", "b"], status=TaskStatus(state=State.RUNNING, attempt=1)))
    assert world.graph.needs(("ns", "b")) is None
    assert world.graph.needed(("ns", "a"))
    assert ("ns", "a") in world.end("b")
    assert not world.graph.needed(("ns", "a"))


# A model that knows everything at once, against the graph that learns it bit by bit.


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[tuple[str, dict[str, Rule], int]], list[int], list[tuple[str, State]]]:
    """Tasks by age with their dependencies and priorities, an order in which they are seen, and ends in any order."""
    count = draw(st.integers(1, 9))
    names = [f"t{number}" for number in range(count)]
    waits = st.dictionaries(st.sampled_from([*names, "none"]), st.sampled_from(list(Rule)), max_size=4)
    made = [(name, draw(waits), draw(st.integers(0, 3))) for name in names]
    ends = draw(
        st.lists(st.tuples(st.sampled_from(names), st.sampled_from([State.SUCCESS, State.FAILED])), max_size=12)
    )
    return made, draw(st.permutations(range(count))), ends


def closers(made: list[tuple[str, dict[str, Rule], int]]) -> set[str]:
    """Oldest first: a Task closes a cycle when it reaches itself by way of older ones that close none."""
    closing: set[str] = set()
    edges: dict[str, dict[str, Rule]] = {}
    for name, waits, _ in made:
        edges[name] = waits
        seen, work = set[str](), list(waits)
        while work:
            other = work.pop()
            if other == name:
                closing.add(name)
                break
            if other in edges and other not in seen and other not in closing:
                seen.add(other)
                work += edges[other]
    return closing


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_every_order_of_events_ends_alike(
    story: tuple[list[tuple[str, dict[str, Rule], int]], list[int], list[tuple[str, State]]],
) -> None:
    """Whatever is seen first: who closes a cycle, how many are done, who fails and what is inherited are the same."""
    made, order, ends = story
    world = World()
    for at in order:
        name, waits, priority = made[at]
        world.add(name, *waits, rules=waits, priority=priority, created=NOW + at)
        world.put(world.tasks["ns", name])
    expected = closers(made)
    waiting = {name: waits for name, waits, _ in made if waits}
    assert {name for name in waiting if world.needs(name).cycle} == expected
    waiting = {name: waits for name, waits in waiting.items() if name not in expected}
    assert inherited(world, waiting) == {name: world.graph.priority(world.tasks["ns", name]) for name, *_ in made}
    for name, state in ends:
        if world.tasks["ns", name].status.state.terminal:
            continue
        world.end(name, TaskStatus(state=state))
        waiting.pop(name, None)
        for other, waits in waiting.items():
            found, states = world.needs(other), {w: world.tasks.get(("ns", w)) for w in waits}
            ended = {w: kept(rule, t.status.state) for w, rule in waits.items() if (t := states[w]) is not None}
            assert found.done == sum(1 for one in ended.values() if one)
            assert bool(found.broken) is (False in ended.values())
            assert found.missing_count == ("none" in waits)
        assert inherited(world, waiting) == {
            n: world.graph.priority(t) for (_, n), t in world.tasks.items() if not t.status.state.terminal
        }


def inherited(world: World, waiting: dict[str, dict[str, Rule]]) -> dict[str, int]:
    """The priority of each Task that has not ended, from all that reach it by edges to Tasks that have not."""
    own = {name: t.priority for (_, name), t in world.tasks.items() if not t.status.state.terminal}
    found = dict(own)
    for _ in own:
        for name, waits in waiting.items():
            for other in waits:
                if other in found:
                    found[other] = max(found[other], found[name])
    return found
