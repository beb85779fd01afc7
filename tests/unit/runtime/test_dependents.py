"""Tasks that wait for others, in store, engine and writer: woken at the right time, with what was left for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from loadstar.core.dependencies import Rule
from loadstar.core.instructions import Wait
from loadstar.core.model import Phase, PodRetention, Task, TaskStatus
from loadstar.core.naming import pod_name
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from loadstar.runtime.store import Store
from tests.unit.core.builders import pod, task
from tests.unit.runtime.fakes import FakeCluster
from tests.unit.runtime.test_engine import World

SUCCESS = TaskStatus(state=State.SUCCESS, reason=Reason.COMPLETED, attempt=1, completed=1.0, result="42 rows")


def named(name: str, *dependencies: str, **fields: Any) -> Task:
    return task(name=name, uid=f"{name:_<9}1", dependencies=dict.fromkeys(dependencies, Rule.SUCCESS), **fields)


def first_pod(name: str) -> str:
    return pod_name(name, f"{name:_<9}1", 0, 1)


async def finish(world: World, name: str, **fields: Any) -> None:
    """Let the first Pod of a Task run and succeed."""
    await world.until(lambda: first_pod(name) in world.cluster.pods)
    world.see(first_pod(name), Phase.RUNNING)
    await world.until(lambda: world.cluster.tasks["ns", name].status.state is State.RUNNING)
    world.see(first_pod(name), Phase.SUCCEEDED, exit_code=0, finished=2.0, **fields)
    await world.until(lambda: world.cluster.tasks["ns", name].status.state is State.SUCCESS)


async def test_a_dependent_begins_when_its_dependencies_have_ended() -> None:
    """Our own write of the end wakes it, it gets the results, and waiting has cost no write: four a Task."""
    async with World().leading() as world:
        world.add(named("b", "a", "c"))
        for name in ("a", "c"):
            world.add(named(name))
        await finish(world, "a", result="42 rows")
        assert first_pod("b") not in world.cluster.pods
        await finish(world, "c")
        await finish(world, "b")
        assert world.cluster.results[first_pod("b")] == {"a": "42 rows"}
        assert world.cluster.tasks["ns", "a"].status.result == "42 rows"
        assert world.cluster.tasks["ns", "b"].status.resolved == "da_______dc_______"
        assert world.cluster.writes == 12


async def test_what_is_not_in_memory_is_read() -> None:
    """A result that memory has no room for is read from the status of its Task, if that is the Task that was meant."""
    async with World().leading() as world:
        done = named("a", status=SUCCESS)
        world.add(done)
        world.store.dependents.results.put(done.key, done.uid, "x" * 33 * 2**20)
        assert world.store.dependents.results.get(done.key, "a_______") == (True, None)
        world.add(named("b", "a"))
        await world.until(lambda: first_pod("b") in world.cluster.pods)
        assert world.cluster.results[first_pod("b")] == {"a": "42 rows"}


async def test_a_deleted_dependency_ends_its_dependent_once_it_is_certain() -> None:
    """Seen to disappear, it is looked for: while it is there nothing follows; when it is not, the Task is FAILED."""
    async with World().leading() as world:
        one = named("a", suspend=True)
        world.add(one)
        world.add(named("b", "a"))
        world.store.remove_task(one.key, one.uid)
        await world.until(lambda: one.key in world.store.tasks)
        assert world.cluster.tasks["ns", "b"].status.state is State.PENDING
        found = world.cluster.tasks.pop(one.key)
        world.store.remove_task(found.key, found.uid)
        await world.until(lambda: world.cluster.tasks["ns", "b"].status.state is State.FAILED)
        assert world.cluster.tasks["ns", "b"].status.reason == Reason.DEPENDENCY_DELETED


async def test_a_failure_runs_down_the_chain() -> None:
    """Each Task that waits for one that failed fails, and wakes the next."""
    async with World().leading() as world:
        for at in range(20):
            world.add(named(f"t{at}", *([f"t{at - 1}"] if at else []), suspend=at == 0))
        await world.until(lambda: world.cluster.tasks["ns", "t0"].status.reason == Reason.SUSPENDED)
        seen = replace(world.cluster.tasks["ns", "t0"], cancel=True, suspend=False, resource_version="edited")
        world.add(seen)
        await world.until(lambda: world.cluster.tasks["ns", "t19"].status.state is State.FAILED)
        reasons = {name: one.status.reason for (_, name), one in world.cluster.tasks.items()}
        assert reasons.pop("t0") == Reason.CANCELLED
        assert set(reasons.values()) == {Reason.DEPENDENCY_FAILED}


async def test_a_time_to_live_waits_for_dependents() -> None:
    """What an unfinished Task names stays; it goes when that has ended."""
    async with World().leading() as world:
        world.add(named("a", ttl_seconds=0, status=SUCCESS))
        world.add(named("b", "a", suspend=True))
        await world.until(lambda: world.cluster.tasks["ns", "b"].status.reason == Reason.SUSPENDED)
        world.engine.touch([("ns", "a")])
        await world.until(lambda: not world.store.dependents.graph.needs(("ns", "a")))
        assert ("ns", "a") in world.cluster.tasks
        world.add(replace(world.cluster.tasks["ns", "b"], cancel=True, suspend=False, resource_version="edited"))
        await world.until(lambda: ("ns", "a") not in world.cluster.tasks)


def test_what_has_ended_keeps_little() -> None:
    """Of a Task that ended its result is kept once, and neither in the Task nor in its Pods."""
    store = Store()
    store.apply_task(named("a", status=replace(SUCCESS, state=State.RUNNING, result=None)))
    store.apply_pod(pod(Phase.SUCCEEDED, name=first_pod("a"), task_uid="a________1", result="42 rows"))
    store.apply_task(named("a", status=SUCCESS, resource_version="9", pod_retention=PodRetention.ALL))
    store.apply_pod(pod(Phase.SUCCEEDED, name=first_pod("a"), task_uid="a________1", result="x", resource_version="9"))
    seen = store.view(("ns", "a"))
    assert seen is not None
    assert (seen.task.status.result, [one.result for one in seen.pods]) == (None, [None])
    assert store.dependents.results.get(("ns", "a"), "a_______") == (True, "42 rows")


def test_a_result_outlives_its_task_as_long_as_somebody_waits() -> None:
    """Deleted after its success, it is still handed on; with the last that named it, it is forgotten."""
    store = Store()
    store.apply_task(named("a", status=SUCCESS))
    store.apply_task(named("b", "a"))
    store.remove_task(("ns", "a"), "a________1")
    assert store.dependents.results.get(("ns", "a"), "a_______") == (True, "42 rows")
    store.remove_task(("ns", "b"), "b________1")
    assert store.dependents.results.get(("ns", "a"), "a_______") == (False, None)


def test_a_dependency_has_the_priority_of_who_waits_for_it() -> None:
    """The backlog is told at once when it rises, and when it falls."""
    store = Store()
    store.apply_task(named("a", priority=100))
    assert store.waitlist.join(store.tasks["ns", "a"], store.policy)

    def counts() -> int:
        return store.waitlist.backlog.waiting(("ns", "a")).priority

    assert counts() == 100
    store.apply_task(named("b", "a", priority=900))
    assert counts() == 900
    store.remove_task(("ns", "b"), "b________1")
    assert counts() == 100


async def test_a_loss_is_written_once_it_would_be_forgotten() -> None:
    """A dependency that was done and is deleted while its dependent waits is written down: a restart would miss it."""
    cluster = FakeCluster()
    async with World(cluster).leading() as world:
        done = named("a", status=SUCCESS)
        world.add(done)
        world.add(named("x", suspend=True))
        world.add(named("b", "a", "x", status=TaskStatus(reason=Reason.WAITING_FOR_DEPENDENCIES)))
        cluster.tasks.pop(done.key)
        world.store.remove_task(done.key, done.uid)
        world.engine.notes.take(("ns", "b"), Wait(Reason.WAITING_FOR_DEPENDENCIES, ""), "", -100.0)
        world.engine.touch([("ns", "b")])
        await world.until(lambda: cluster.tasks["ns", "b"].status.resolved == "da_______ox_______")
        after = cluster.writes
        world.engine.touch([("ns", "b")])
        await world.until(lambda: not world.store.dependents.graph.needed(("ns", "b")))
        assert cluster.writes == after
