"""Room for the urgent: who is stopped, that the room is theirs, and that it all comes to an end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadstar.core.instructions import DeletePod, Emit, WriteStatus
from loadstar.core.model import Phase, TaskStatus
from loadstar.core.naming import pod_name
from loadstar.core.policy import PreemptionScope
from loadstar.core.queues import Limits, Preemption, TaskQueue
from loadstar.core.reasons import Reason
from loadstar.core.reconcile import reconcile
from loadstar.core.states import State
from loadstar.runtime.preemptions import AGAIN_SECONDS, PATIENCE_SECONDS, TAKE_SECONDS
from tests.unit.core.builders import pod
from tests.unit.runtime.test_cycle import World as Placing

URGENT = TaskQueue("ns", "urgent", preemption=Preemption.LOWER_PRIORITY)


class World(Placing):
    """Tasks that run have Pods; what is decided about a Task is carried out by hand."""

    def __init__(self, nodes: int = 1) -> None:
        super().__init__(nodes)
        self.store.waitlist.put_queue(URGENT)

    async def run(self, name: str, cpu: int = 2000, **fields: Any) -> None:
        """A Task of `ns` that is placed and runs."""
        self.add(name, cpu=cpu, **{"preemptible": True, "priority": 100, **fields})
        assert name in await self.place()
        decision = self.store.decisions["ns", name]
        self.edit(
            name,
            status=TaskStatus(state=State.RUNNING, attempt=1, assigned_to=decision.node or "", started=self.clock.time),
        )
        self.pod(name, Phase.RUNNING)

    def pod(self, name: str, phase: Phase, **fields: Any) -> None:
        one = self.store.tasks["ns", name]
        self.version += 1
        made = pod(
            phase,
            name=pod_name(name, one.uid, 0, one.status.attempt),
            uid=f"pod-{name}-{one.status.attempt}",
            task_uid=one.uid,
            attempt=one.status.attempt,
            node=one.status.assigned_to,
            requests=one.worker.requests if one.worker is not None else {},
            resource_version=str(self.version),
            **fields,
        )
        self.store.apply_pod(made)

    async def second(self, seconds: float = 1.0) -> list[str]:
        self.clock.time += seconds
        return await self.place()

    def step(self, name: str) -> tuple[object, ...]:
        """What is decided about a Task now; a status is written."""
        seen = self.store.view(("ns", name))
        assert seen is not None
        found = reconcile(seen, self.clock.time)
        if isinstance(found[0], WriteStatus):
            self.edit(name, status=found[0].status)
        return found

    def stopping(self) -> list[str]:
        """Names of Tasks that are to end for others."""
        return [key[1] for key in self.store.tasks if (seen := self.store.view(key)) is not None and seen.preemptor]

    def stop(self, name: str) -> None:
        """All that follows for a victim, until its attempt has ended."""
        assert isinstance(self.step(name)[1], Emit)
        assert isinstance(self.step(name)[0], DeletePod)
        self.pod(name, Phase.FAILED, deleting=True, finished=self.clock.time)
        self.step(name)
        self.edit(name, suspend=True)


async def test_room_is_made_and_kept() -> None:
    """The victim is stopped in two steps, free of charge, and says for whom; what it held goes to nobody else."""
    world = World()
    await world.run("low")
    await world.run("other", preemptible=False)
    world.add("high", cpu=2000, queue="urgent", priority=900)
    world.add("small", cpu=500)
    assert await world.second() == []
    assert world.stopping() == ["low"]
    assert ("ns", "low") in world.told
    assert "room is being made on n0, for which ns/low of priority 100 are stopped" in message(world, "high")
    world.stop("low")
    status = world.store.tasks["ns", "low"].status
    assert (status.state, status.reason, status.preemptions) == (State.PENDING, Reason.PREEMPTED, 1)
    assert (status.failures, status.disruptions, status.not_before) == (0, 0, None)
    assert status.message == "attempt 1 was stopped to make room for ns/high of priority 900"
    assert status.attempts[-1].reason == Reason.PREEMPTED
    assert await world.second() == ["high"], "not the small one, which would fit as well"
    assert await world.second() == []
    assert len(world.store.preemptions) == 0
    assert len(world.cycle._claiming) == 0


def message(world: World, name: str) -> str:
    seen = world.store.view(("ns", name))
    assert seen is not None
    return seen.room


@pytest.mark.parametrize(
    ("victim", "high"),
    [({"preemptible": False}, {}), ({"priority": 900}, {}), ({}, {"queue": "default"}), ({}, {"cpu": 5000})],
)
async def test_nobody_is_stopped_unasked(victim: dict[str, Any], high: dict[str, Any]) -> None:
    """Not who does not say so, or is as urgent; not for a queue that does not, nor in vain."""
    world = World()
    await world.run("low", cpu=3000, **victim)
    world.add("high", **{"cpu": 2000, "queue": "urgent", "priority": 900, **high})
    assert await world.second() == []
    assert world.stopping() == []


@pytest.mark.parametrize(("scope", "stopped"), [("Namespace", []), ("Cluster", ["low"])])
async def test_beyond_a_namespace_only_if_the_admin_allows_it(scope: str, stopped: list[str]) -> None:
    """The same Task of another namespace is stopped where the policy says so, and not where it does not."""
    world = World()
    world.store.policy = replace(world.store.policy, preemption=PreemptionScope(scope))
    world.store.waitlist.put_queue(replace(URGENT, namespace="vip"))
    await world.run("low", cpu=3000)
    world.add("high", cpu=2000, namespace="vip", queue="urgent", priority=900)
    assert await world.second() == []
    assert world.stopping() == stopped


async def test_a_limit_that_would_hold_it_back_spares_others() -> None:
    """Where the queue has no place for it, nobody is stopped for it."""
    world = World()
    world.store.waitlist.put_queue(replace(URGENT, limits=Limits(requests={"cpu": 1000})))
    await world.run("low", cpu=3000)
    world.add("high", cpu=2000, queue="urgent", priority=900)
    assert await world.second() == []
    assert world.stopping() == []


async def test_who_needs_it_no_more_lets_the_others_go_on() -> None:
    """Cancelled, placed elsewhere or gone: victims that were not stopped yet are not, and the room is for all."""
    world = World()
    await world.run("low", cpu=3000)
    world.add("high", cpu=2000, queue="urgent", priority=900)
    await world.second()
    assert world.stopping() == ["low"]
    world.store.apply_node(replace(world.store.nodes["n0"], name="n1"))
    assert await world.second() == ["high"]
    assert world.stopping() == []
    world.add("again", cpu=3500, queue="urgent", priority=900)
    await world.second()
    assert world.stopping() == ["low"]
    world.store.remove_task(("ns", "again"), "uid-again")
    await world.second()
    assert world.stopping() == []
    assert len(world.store.preemptions) == len(world.cycle._claiming) == 0


async def test_it_is_given_up_in_the_end() -> None:
    """A victim that does not end, and room that somebody else takes: after a bounded time others may have it.

    Then nobody is stopped for that Task for a while.
    """
    world = World()
    await world.run("low", cpu=3000)
    world.add("high", cpu=2000, queue="urgent", priority=900)
    await world.second()
    assert world.stopping() == ["low"]
    await world.second(PATIENCE_SECONDS)
    assert world.stopping() == []
    await world.second(AGAIN_SECONDS / 2)
    assert world.stopping() == []
    await world.second(AGAIN_SECONDS)
    assert world.stopping() == ["low"]
    world.stop("low")
    world.store.apply_other("x", "n0", {"cpu": 4000})
    assert await world.second() == []
    assert len(world.store.preemptions) == 1
    await world.second(TAKE_SECONDS)
    assert len(world.store.preemptions) == 0
    await world.second(AGAIN_SECONDS / 2)
    assert len(world.store.preemptions) == 0


async def test_another_attempt_is_not_stopped() -> None:
    """What was planned is about an attempt: one that ended by itself meanwhile makes room too, the next one goes on."""
    world = World()
    await world.run("low", cpu=3000)
    world.add("high", cpu=2000, queue="urgent", priority=900)
    await world.second()
    world.edit("low", status=TaskStatus(state=State.RUNNING, attempt=2, assigned_to="n0", started=world.clock.time))
    assert world.stopping() == []


async def test_several_at_once() -> None:
    """Each gets room of its own: no victim is counted for two."""
    world = World(3)
    for name in ("a", "b", "c"):
        await world.run(name, cpu=4000)
    for name in ("x", "y"):
        world.add(name, cpu=3000, queue="urgent", priority=900)
    await world.second()
    assert len(world.stopping()) == 2
    assert len({one.plan.node for one in world.store.preemptions}) == 2
