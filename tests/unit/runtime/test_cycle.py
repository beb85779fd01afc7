"""The placement cycle: what it asks and in which order, what it costs when nothing can be placed, who is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.core import claims, placement
from loadstar.core.claims import PATIENCE_SECONDS
from loadstar.core.decision import Placed
from loadstar.core.learning import ENOUGH_RUNS
from loadstar.core.model import Placement, Task, TaskStatus, Worker
from loadstar.core.policy import Policy, TypeDefault, WhenFull
from loadstar.core.queues import Limits, Ordering, TaskQueue, Tenant
from loadstar.core.reasons import Reason
from loadstar.core.resources import Requests
from loadstar.core.states import State
from loadstar.core.template import resolve
from loadstar.runtime import cycle as cycles
from loadstar.runtime.cycle import TOLD_AT_ONCE, TOLD_PER_SECOND, Cycle
from loadstar.runtime.profiles import name_of
from loadstar.runtime.store import Key, Store
from tests.unit.core.builders import load, task, view, worker
from tests.unit.core.test_profile import run
from tests.unit.runtime.fakes import FakeClock

NODE_CPU = 4000
PATIENCE = 10.0


class World:
    """A store with a few empty nodes of 4 cores, a cycle on it, and Tasks of the namespace `ns`."""

    def __init__(self, nodes: int = 1) -> None:
        self.clock = FakeClock()
        self.store = Store()
        self.store.policy = Policy(when_full=WhenFull.HOLD)
        for number in range(nodes):
            self.store.apply_node(view(f"n{number}").node)
        self.told: list[Key] = []
        self.cycle = Cycle(self.store, self.clock, self.told.append)
        self.version = 1

    def add(self, name: str, cpu: int = 1000, **fields: Any) -> None:
        self.apply(task(name=name, uid=f"uid-{name}", created=self.clock.time, worker=worker(cpu=cpu), **fields))

    def apply(self, one: Task) -> None:
        self.version += 1
        self.store.apply_task(replace(one, resource_version=str(self.version)))
        if one.status.state is State.PENDING and not one.suspend:
            self.cycle.request(one.key)

    def edit(self, name: str, **fields: Any) -> None:
        self.apply(replace(self.store.tasks["ns", name], **fields))

    def move(self, name: str, state: State) -> None:
        decision = self.store.decisions.get(("ns", name))
        node = decision.node or "" if decision else self.store.tasks["ns", name].status.assigned_to
        self.edit(name, status=TaskStatus(state=state, attempt=1, assigned_to=node, completed=self.clock.time))

    async def place(self) -> list[str]:
        """One cycle; those that got a node, in that order."""
        before = set(self.store.decisions)
        await self.cycle._place_all()
        return [name for key in self.store.decisions if key not in before for name in key[1:]]

    def why(self, name: str) -> tuple[str, str]:
        seen = self.store.view(("ns", name))
        assert seen is not None
        assert seen.decision is not None
        assert not isinstance(seen.decision, Placed)
        return seen.decision.reason, seen.decision.message


async def test_the_order_is_that_of_the_queue_and_an_edit_acts_at_once() -> None:
    """Priority first; a patch of `spec.priority`, of the queue or of the worker holds from the next assignment on."""
    world = World()
    world.store.waitlist.put_queue(TaskQueue("ns", "batch"))
    for name, priority in (("a", 500), ("b", 600), ("c", 400), ("d", 400)):
        world.add(name, priority=priority)
    world.edit("c", priority=900)
    world.edit("d", queue="batch")
    assert await world.place() == ["d", "c", "b", "a"], "two queues that hold nothing go by name"


async def test_a_queue_that_begins_to_learn_lets_in_who_fits_then() -> None:
    """With requests Learned Tasks that asked for the same no longer do: from the next cycle on, and back again."""
    world = World()
    world.store.apply_other("x", "n0", {"cpu": 3000})
    world.store.apply_loads({"n0": load(0.1, 2**20)})
    for name in ("unknown", "known", "later"):
        world.add(name, cpu=2000, label=name.replace("later", "known"))
    one = world.store.tasks["ns", "known"]
    template = resolve(one, world.store.policy)
    assert template is not None
    for _ in range(ENOUGH_RUNS):
        world.store.profiles.learn(name_of(one, template), run(image=template.worker.image))
    assert await world.place() == []
    world.store.waitlist.put_queue(TaskQueue("ns", "default", requests=Requests.LEARNED))
    assert await world.place() == ["known", "later"]
    world.edit("later", status=TaskStatus())
    world.store.decide(("ns", "later"), None)
    world.cycle.request(("ns", "later"))
    world.store.waitlist.drop_queue(("ns", "default"))
    assert await world.place() == []


async def test_a_head_that_has_no_room_is_in_nobodys_way() -> None:
    """A Task that asks for too much now, or for ever, waits with its reason; those behind it go on."""
    world = World()
    world.store.apply_other("x", "n0", {"cpu": 1000})
    world.add("huge", cpu=9000, priority=1000)
    world.add("large", cpu=3500, priority=900)
    world.add("small", priority=100)
    assert await world.place() == ["small"]
    assert world.why("huge")[0] == Reason.REQUEST_TOO_LARGE
    assert world.why("large")[0] == Reason.WAITING_FOR_CAPACITY


async def test_parked_tasks_come_back_when_there_is_room() -> None:
    """A Task that ends, a Pod of others that goes, a node that comes or is opened: each lets in who fits now."""
    world = World()
    world.store.apply_other("x", "n0", {"cpu": 3500})
    for name in "abc":
        world.add(name, cpu=1000 if name == "a" else 3000)
    assert await world.place() == []
    world.store.apply_other("x", "n0", {"cpu": 3000})
    assert await world.place() == ["a"]
    world.move("a", State.ASSIGNED)
    world.move("a", State.SUCCESS)
    world.store.remove_other("x")
    assert await world.place() == ["b"]
    cordoned = replace(view("n1").node, unschedulable=True)
    world.store.apply_node(cordoned)
    assert await world.place() == []
    world.store.apply_node(replace(cordoned, unschedulable=False))
    assert await world.place() == ["c"]


async def test_what_is_said_stays_true() -> None:
    """The words are made anew within seconds, although nobody asks for the Task."""
    world = World()
    world.add("a", cpu=5000)
    assert await world.place() == []
    assert world.why("a") == (Reason.REQUEST_TOO_LARGE, world.why("a")[1])
    assert world.why("a")[1].startswith("0/1 nodes: 1 too small")
    world.store.apply_node(replace(view("n1").node, unschedulable=True))
    for _ in range(11):
        world.clock.time += 1
        await world.place()
    assert world.why("a")[0] == Reason.NO_READY_NODE
    assert world.why("a")[1].startswith("0/2 nodes: ")


async def test_many_are_told_slowly() -> None:
    """A reason that is news to thousands is looked at for a few at once and then for so many a second, each once."""
    world = World()
    number = int(TOLD_AT_ONCE) + 100
    for index in range(number):
        world.add(f"t{index}", cpu=5000)
    await world.place()
    assert len(world.told) == TOLD_AT_ONCE
    assert world.cycle._backlog.reasons() == {Reason.REQUEST_TOO_LARGE: number}, "told or not"
    for _ in range(3):
        world.clock.time += 1
        await world.place()
    assert len(world.told) == TOLD_AT_ONCE + 3 * TOLD_PER_SECOND
    world.clock.time += 60
    await world.place()
    assert len(set(world.told)) == len(world.told) == number
    assert world.store.view(("ns", f"t{number - 1}")) is not None


async def test_of_a_line_only_the_first_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that ask for the same, whatever they run, share one refusal, and it is not asked for again in vain."""
    asked = 0
    real = placement.place

    def counted(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return real(*arguments)

    monkeypatch.setattr(cycles, "place", counted)
    world = World()
    world.store.apply_other("x", "n0", {"cpu": 3500})
    for number in range(50):
        world.add(f"t{number}")
        document = b'{"args":["%d"]}' % number
        world.edit(f"t{number}", worker=Worker(document, worker(cpu=1000).requests))
    for _ in range(5):
        await world.place()
    assert asked == 1


async def test_limits_and_suspension_hold() -> None:
    """A queue and a tenant start no more than they may, and go on when they may again; each says what is in the way."""
    world = World()
    world.store.waitlist.put_queue(TaskQueue("ns", "default", limits=Limits(running=2)))
    for name in "abc":
        world.add(name, cpu=100)
    assert await world.place() == ["a", "b"]
    assert world.why("c") == (Reason.QUEUE_LIMIT, "queue default: 2 of 2 Tasks hold a node")
    world.store.waitlist.put_queue(TaskQueue("ns", "default", suspend=True))
    world.move("a", State.ASSIGNED)
    world.move("a", State.SUCCESS)
    assert await world.place() == []
    assert world.why("c")[0] == Reason.QUEUE_SUSPENDED
    tenant = Tenant("t", limits=Limits(requests={"cpu": 150}))
    world.store.policy = replace(world.store.policy, tenants=(tenant,))
    world.store.waitlist.put_namespace("ns", {})
    world.store.waitlist.put_queue(TaskQueue("ns", "default"))
    assert await world.place() == []
    text = "tenant t: cpu 100m of 150m is held; asks for 100m"
    assert world.why("c") == (Reason.TENANT_LIMIT, text)
    world.store.policy = replace(world.store.policy, tenants=())
    assert await world.place() == ["c"]


async def test_load_aware_goes_by_the_best_node() -> None:
    """The Task that would find the less loaded node goes first, whenever it came; then the next by what is so then."""
    world = World(nodes=2)
    world.store.apply_loads({"n0": load(3.0, 0.0, timestamp=world.clock.time), "n1": load(0.5, 0.0)})
    world.store.waitlist.put_queue(TaskQueue("ns", "default", ordering=Ordering.LOAD_AWARE))
    for name, node in (("busy", "n0"), ("calm", "n1")):
        selector = Placement(node_selector=(("kubernetes.io/hostname", node),))
        world.store.apply_node(replace(view(node).node, labels={"kubernetes.io/hostname": node}))
        world.add(name, cpu=500, placement=selector)
        world.add(f"{name}-2", cpu=500, placement=selector)
    assert await world.place() == ["calm", "calm-2", "busy", "busy-2"]


async def test_a_lent_priority_counts() -> None:
    """A Task is placed by the priority that it was lent, also after an edit, until it is told another."""
    world = World()
    world.add("a", priority=600)
    world.add("b", priority=500)
    world.store.waitlist.change(("ns", "b"), 900)
    world.edit("b", priority=400)
    assert await world.place() == ["b", "a"]


async def test_a_policy_that_changes_is_followed() -> None:
    """A type that loses its worker leaves the line, and is looked at to say so."""
    world = World()
    world.store.apply_other("x", "n0", {"cpu": 4000})
    world.store.policy = replace(world.store.policy, types={"t": TypeDefault(worker=worker())})
    world.apply(task(name="a", type="t", worker=None, created=world.clock.time))
    assert await world.place() == []
    world.store.policy = replace(world.store.policy, types={})
    world.store.remove_other("x")
    assert await world.place() == []
    assert ("ns", "a") not in world.store.waitlist


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(200, 2000), st.integers(1, 20)), min_size=5, max_size=20), st.integers(1, 3))
async def test_a_large_task_starts_in_bounded_time(stream: list[tuple[int, int]], nodes: int) -> None:
    """The rule of claims: while small Tasks come behind it without end and take whatever becomes free, one that needs
    a whole node starts as soon as, after its patience, the longest of those that then run has ended.
    """
    with patch.object(claims, "PATIENCE_SECONDS", PATIENCE):
        await bounded(stream, nodes)


async def bounded(stream: list[tuple[int, int]], nodes: int) -> None:
    world, ends, number = World(nodes), dict[str, float](), 0
    longest = max(seconds for _, seconds in stream)
    begun = world.clock.time
    world.add("large", cpu=NODE_CPU)
    while True:
        for name in [name for name, end in ends.items() if end <= world.clock.time]:
            world.move(name, State.SUCCESS)
            del ends[name]
        # So many that some always wait.
        while len(world.store.waitlist) < 4 * nodes + 2:
            cpu, _ = stream[number % len(stream)]
            world.add(f"s{number}", cpu=cpu)
            number += 1
        for name in await world.place():
            if name == "large":
                waited = world.clock.time - begun
                assert waited <= PATIENCE + longest + 2
                return
            world.move(name, State.ASSIGNED)
            ends[name] = world.clock.time + stream[int(name[1:]) % len(stream)][1]
        world.clock.time += 1
        assert world.clock.time - begun <= PATIENCE + longest + 2


async def test_a_claim_is_said_and_given_back() -> None:
    """Whoever has a claim is told the node; one that waits no more keeps nobody out; of few nodes one is kept."""
    world = World(nodes=2)
    for number in range(8):
        world.add(f"s{number}", priority=1000)
    assert len(await world.place()) == 8
    for number in range(8):
        world.move(f"s{number}", State.ASSIGNED)
    world.add("large", cpu=NODE_CPU)
    world.add("other", cpu=NODE_CPU)
    await world.place()
    world.clock.time += PATIENCE_SECONDS + 1
    await world.place()
    claim = next(iter(world.cycle._claiming))
    assert world.why("large")[1].endswith(f"; {claim.node} is kept for it until it fits")
    assert "kept" not in world.why("other")[1]
    gone = next(f"s{n}" for n in range(8) if world.store.node_of(("ns", f"s{n}"), now=True) == claim.node)
    world.move(gone, State.SUCCESS)
    world.add("small")
    assert await world.place() == [], "what becomes free there is for the one that waits"
    world.edit("large", suspend=True)
    world.edit("other", suspend=True)
    assert await world.place() == ["small"]
    assert len(world.cycle._claiming) == 0
