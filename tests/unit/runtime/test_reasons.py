"""Every Task that waits says why, and it is true: over random lives of Tasks, with the whole runtime and no cluster.

The loop's time is made up: where nothing is left to do it is at once the moment at which something is. What may be said
is worked out here anew, the plain way, from what the world is like.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadstar.core import dependencies
from loadstar.core.dependencies import Rule
from loadstar.core.labels import CAPABILITY_PREFIX
from loadstar.core.model import Backoff, Phase, Placement, Retry, Task
from loadstar.core.queues import Limits, TaskQueue
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from tests.unit.core.builders import task, view, worker
from tests.unit.runtime.fakes import LoopClock
from tests.unit.runtime.test_engine import World

STALE_SECONDS = 30
"""So old a reason may be."""
NODES = ("a", "b")
CORES = 4000
TASKS = 6
NAMES = [f"t{number}" for number in range(TASKS)]
MISSING_SECONDS = 300


class Leaping(selectors.DefaultSelector):
    """Waits for nothing: the time that it should have waited has passed."""

    leapt = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found and timeout:
            self.leapt += timeout
        return found


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is what was waited for."""

    def __init__(self) -> None:
        self.leaps = Leaping()
        super().__init__(self.leaps)

    def time(self) -> float:
        return self.leaps.leapt


@contextmanager
def leaping() -> Iterator[LeapingLoop]:
    loop = LeapingLoop()
    try:
        yield loop
    finally:
        loop.close()


KINDS = st.fixed_dictionaries(
    {
        "cpu": st.sampled_from([1000, 3000, 3000, 3000, 9000]),
        "queue": st.sampled_from([*["default"] * 6, "one", "one", "paused", "absent"]),
        "requires": st.sampled_from([(), (), ("gpu",)]),
        "priority": st.sampled_from([100, 500, 900]),
        "suspend": st.sampled_from([*[False] * 5, True]),
        "typed": st.sampled_from([*[False] * 9, True]),
        "on": st.sampled_from([*[[]] * 14, *[[name] for name in NAMES], ["never"]]),
    }
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("end"), st.integers(0, TASKS - 1), st.sampled_from([0, 1])),
        st.tuples(st.just("cordon"), st.sampled_from(NODES), st.booleans()),
        st.tuples(st.just("gpu"), st.sampled_from(NODES), st.booleans()),
        st.tuples(st.just("suspend"), st.integers(0, TASKS - 1), st.booleans()),
        st.tuples(st.just("pause"), st.sampled_from(["one", "paused"]), st.booleans()),
        st.tuples(st.just("limit"), st.just("one"), st.integers(0, 3)),
        st.tuples(st.just("urge"), st.integers(0, TASKS - 1), st.integers(0, 1000)),
        st.tuples(st.just("delete"), st.integers(0, TASKS - 1), st.just(None)),
        st.tuples(st.just("pass"), st.just("time"), st.just(None)),
    ),
    max_size=6,
)


class Life:
    """A world in which things happen to Tasks."""

    def __init__(self, world: World, clock: LoopClock) -> None:
        self.world = world
        self.clock = clock
        self.queues = {name: TaskQueue("ns", name) for name in ("one", "paused")}

    def begin(self, kinds: list[dict[str, Any]]) -> None:
        self.put("one", limits=Limits(running=1))
        self.put("paused", suspend=True)
        for name in NODES:
            self.node(name)
        for number, kind in enumerate(kinds):
            self.world.add(self.task(NAMES[number], kind))

    def task(self, name: str, kind: dict[str, Any]) -> Task:
        on = {other: Rule.SUCCESS for other in kind["on"] if other != name}
        return task(
            name=name,
            uid=f"{name}-uid",
            created=self.clock.now(),
            worker=None if kind["typed"] else worker(cpu=kind["cpu"]),
            type="nobody-knows" if kind["typed"] else "",
            queue=kind["queue"],
            priority=kind["priority"],
            suspend=kind["suspend"],
            dependencies=on or dependencies.NO_DEPENDENCIES,
            placement=Placement(requires=kind["requires"]),
            retry=Retry(limit=1, backoff=Backoff(40, 1, 40)),
        )

    def node(self, name: str, **fields: Any) -> None:
        known = self.world.store.nodes.get(name, view(name).node)
        self.world.engine.touch(self.world.store.apply_node(replace(known, **fields)))
        self.wake()

    def put(self, name: str, **fields: Any) -> None:
        self.queues[name] = replace(self.queues[name], **fields)
        self.world.store.waitlist.put_queue(self.queues[name])
        self.wake()

    def wake(self) -> None:
        self.world.engine._cycle.wake()

    def change(self, name: str, **fields: Any) -> None:
        """Somebody edits the Task."""
        known = self.world.cluster.tasks.get(("ns", name))
        if known is None or known.status.state.terminal:
            return
        version = self.world.cluster._write()
        self.world.add(replace(known, resource_version=version, generation=known.generation + 1, **fields))

    def happen(self, kind: str, what: Any, how: Any) -> None:
        match kind:
            case "end":
                self.end(NAMES[what], how)
            case "cordon":
                self.node(what, unschedulable=how)
            case "gpu":
                self.node(what, labels={CAPABILITY_PREFIX + "gpu": ""} if how else {})
            case "suspend":
                self.change(NAMES[what], suspend=how)
            case "pause":
                self.put(what, suspend=how)
            case "limit":
                self.put(what, limits=Limits(running=how))
            case "urge":
                self.change(NAMES[what], priority=how)
            case "delete":
                self.delete(NAMES[what])

    def end(self, name: str, code: int) -> None:
        held = self.world.cluster.tasks.get(("ns", name))
        one = self.world.cluster.pods.get(held.status.pod) if held is not None and held.status.pod else None
        if one is None or one.phase is not Phase.RUNNING:
            return
        phase = Phase.FAILED if code else Phase.SUCCEEDED
        self.world.see(one.name, phase, exit_code=code, finished=self.clock.now())

    def delete(self, name: str) -> None:
        known = self.world.cluster.tasks.pop(("ns", name), None)
        if known is None:
            return
        self.world.store.remove_task(known.key, known.uid)
        if one := self.world.cluster.pods.pop(known.status.pod, None):
            self.world.store.remove_pod(one.uid, one)
        self.world.engine.touch([known.key])
        self.wake()

    async def settle(self) -> None:
        """Containers start, and the longest that a reason may be old passes."""
        for _ in range(STALE_SECONDS):
            await asyncio.sleep(1)
            for one in list(self.world.cluster.pods.values()):
                if one.phase is Phase.PENDING and one.node:
                    self.world.see(one.name, Phase.RUNNING, started=self.clock.now())
                    self.wake()

    def check(self) -> None:
        """Every Task that does not run says what holds it, and it does."""
        for key, one in self.world.cluster.tasks.items():
            status = one.status
            if status.state is State.PENDING:
                truths = self.truths(one)
                assert status.reason in truths, (key, status.reason, status.message, truths)
                assert status.message, "it is said in a sentence too"

    def truths(self, one: Task) -> set[Reason]:
        """All that may be said of why this Task waits, none of which may be left out for `Queued`."""
        if one.suspend:
            return {Reason.SUSPENDED}
        if found := self.unmet(one):
            return found
        if one.worker is None:
            return {Reason.NO_WORKER_FOR_TYPE}
        now = self.clock.now()
        if one.status.not_before is not None and one.status.not_before > now:
            return {Reason.BACKING_OFF}
        found = self.barred(one)
        return found | self.crowded(one)

    def unmet(self, one: Task) -> set[Reason]:
        found = set()
        for name in one.dependencies:
            other = self.world.cluster.tasks.get(("ns", name))
            if other is None:
                late = self.clock.now() - one.created > MISSING_SECONDS - STALE_SECONDS
                found |= {Reason.WAITING_FOR_DEPENDENCIES, *((Reason.DEPENDENCY_MISSING,) if late else ())}
            elif other.status.state is not State.SUCCESS:
                found.add(Reason.WAITING_FOR_DEPENDENCIES)
        return found

    def barred(self, one: Task) -> set[Reason]:
        if one.queue == "absent":
            return {Reason.QUEUE_NOT_FOUND}
        queue = self.queues.get(one.queue)
        if queue is None:
            return set()
        held = sum(
            other.queue == one.queue and other.status.state in {State.ASSIGNED, State.RUNNING}
            for other in self.world.cluster.tasks.values()
        )
        over = queue.limits.running is not None and held >= queue.limits.running
        found = {Reason.QUEUE_SUSPENDED} if queue.suspend else set()
        return found | ({Reason.QUEUE_LIMIT} if over else set())

    def crowded(self, one: Task) -> set[Reason]:
        """What of the nodes holds it; nothing when one could take it."""
        assert one.worker is not None
        cpu, store = one.worker.requests["cpu"], self.world.store
        nodes, needs = store.nodes.values(), [CAPABILITY_PREFIX + name for name in one.placement.requires]
        suited = [node for node in nodes if all(name in node.labels for name in needs)]
        large = [node for node in suited if not node.unschedulable and cpu <= CORES]
        used = dict.fromkeys(NODES, 0)
        for other in self.world.cluster.tasks.values():
            # A Pod without a node is there for cluster autoscalers alone.
            if other.status.assigned_to and not other.status.state.terminal and other.worker is not None:
                used[other.status.assigned_to] += other.worker.requests["cpu"]
        for claim in store.waitlist.backlog.kept.values():
            if claim.key != one.key:
                used[claim.node] += claim.requests["cpu"]
        if not suited:
            return {Reason.NO_MATCHING_NODE}
        if not large:
            # Those that are closed might do.
            closed = any(node.unschedulable for node in suited)
            return {Reason.NO_READY_NODE if closed else Reason.REQUEST_TOO_LARGE}
        return set() if any(used[node.name] + cpu <= CORES for node in large) else {Reason.WAITING_FOR_CAPACITY}


async def live(kinds: list[dict[str, Any]], events: list[tuple[str, Any, Any]]) -> None:
    async with World().leading() as world:
        life = Life(world, LoopClock())
        life.begin(kinds)
        await life.settle()
        life.check()
        for event in events:
            life.happen(*event)
            await life.settle()
            life.check()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(KINDS, min_size=1, max_size=TASKS), EVENTS)
def test_what_is_said_of_why_a_task_waits_is_true(
    kinds: list[dict[str, Any]], events: list[tuple[str, Any, Any]]
) -> None:
    """Half a minute after whatever happens all who wait say a reason that holds, and nobody waits who could run."""
    with leaping() as loop:
        loop.run_until_complete(live(kinds, events))
