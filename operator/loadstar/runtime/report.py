"""What the operator says about the cluster: gauges every second, the PlacementPolicy's status when it is news.

Reads the store, decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from loadstar import telemetry
from loadstar.core import coverage
from loadstar.core.conditions import LOAD_DATA_FRESH
from loadstar.core.model import Condition, NodeClass
from loadstar.core.quantity import CPU, MEMORY
from loadstar.core.resources import Requests
from loadstar.core.savings import REQUESTS_FIT, Live, recommendation, savings
from loadstar.core.snapshot import Snapshot
from loadstar.core.standing import Standing, Topology, standings, topology
from loadstar.core.states import State
from loadstar.core.template import resolve
from loadstar.runtime.leader import Leader
from loadstar.runtime.loads import Loads
from loadstar.runtime.notes import Notes
from loadstar.runtime.ports import Clock, Cluster, ClusterError
from loadstar.runtime.profiles import name_of
from loadstar.runtime.store import Key, Store
from loadstar.runtime.workqueue import WorkQueue

GAUGE_SECONDS: Final = 1.0
STATUS_SECONDS: Final = 15.0
"""Nodes can be thousands, and their loads change no faster."""
NEWS: Final = 0.02
"""A change of a score by so much is worth a write; a cluster at rest gets none."""

log = logging.getLogger(__name__)


def freshness(nodes: Sequence[Standing], before: Condition | None, now: float) -> Condition:
    """The condition LoadDataFresh: True when every open node has a fresh sample."""
    open_nodes = [item.score for item in nodes if item.open]
    stale = [score.node for score in open_nodes if score.node_class is NodeClass.UNKNOWN]
    if stale:
        value, reason = "False", "NoFreshSample"
        message = f"{len(stale)}/{len(open_nodes)} open nodes without a fresh load sample: {', '.join(stale[:5])}"
    elif open_nodes:
        value, reason, message = "True", "Measured", f"all {len(open_nodes)} open nodes have a fresh load sample"
    else:
        value, reason, message = "Unknown", "NoOpenNodes", "no node is open for Pods"
    changed = before.changed if before and before.status == value else now
    return Condition(LOAD_DATA_FRESH, value, reason, message, changed)


def essence(found: Topology) -> object:
    """What of it is news when it changes: what goes up and down by little is not."""
    lines = (
        (item.score.node, item.score.node_class, round(item.score.total / NEWS), item.tasks)
        for item in (*found.best, *found.worst)
    )
    rough = replace(found.totals, deviation=round(found.totals.deviation / NEWS), reserved_cpu=0, reserved_memory=0)
    return rough, tuple(lines), tuple((claim.key, claim.node) for claim in found.kept)


def live(store: Store, now: float) -> Iterator[Live]:
    """The Tasks that hold a node: what each declares, asks for, and would ask for if the policy were to learn."""
    learning = replace(store.policy, requests=Requests.LEARNED)
    for task in store.tasks.values():
        if task.status.state not in {State.ASSIGNED, State.RUNNING}:
            continue
        if (template := resolve(task, store.policy)) is not None:
            declared, held, name = template.declared, task.status.resources, name_of(task, template)
            requested = held.requested if held is not None and held.learned else declared
            learned = store.profiles.template(task, template, learning, now, store.queues.of(task)).learned.requests
            yield Live(name, declared, requested, learned)


class Report:
    """The reporting loop; only the leader writes."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        queue: WorkQueue[Key],
        notes: Notes,
        loads: Loads,
        leader: Leader,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._queue = queue
        self._notes = notes
        self._loads = loads
        self._leader = leader
        self._clock = clock
        self._conditions: tuple[Condition, ...] = ()
        self._written: object = None
        self._written_at = float("-inf")
        self._nodes_at = float("-inf")
        self.progress = clock.boottime()

    async def run(self) -> None:
        """Report for ever."""
        while True:
            self._gauges()
            if self._clock.boottime() - self._nodes_at >= self._pause():
                self._nodes_at = self._clock.boottime()
                snapshot = self._store.snapshot(self._clock.now())
                nodes = standings(snapshot)
                self._node_gauges(nodes)
                if self._leader.may_write() and self._clock.boottime() - self._written_at >= STATUS_SECONDS:
                    await self._status(nodes, snapshot)
            self.progress = self._clock.boottime()
            await asyncio.sleep(GAUGE_SECONDS)

    def _pause(self) -> float:
        """Seconds between looks at all nodes; a new leader reports at once."""
        fresh = self._leader.may_write() and self._written_at == float("-inf")
        return GAUGE_SECONDS if fresh else STATUS_SECONDS

    def _gauges(self) -> None:
        states = Counter(task.status.state for task in self._store.tasks.values())
        for state in State:
            telemetry.TASKS.labels(state).set(states[state])
        telemetry.WAITING.clear()
        backlog = self._store.waitlist.backlog
        for reason, count in (self._notes.reasons(backlog) + backlog.reasons()).items():
            telemetry.WAITING.labels(reason).set(count)
        telemetry.QUEUE_DEPTH.set(len(self._queue))
        telemetry.QUEUE_DELAYED.set(self._queue.delayed)

    def _node_gauges(self, nodes: Sequence[Standing]) -> None:
        telemetry.SAMPLE_AGE.clear()
        telemetry.NODE_SCORE.clear()
        for item in nodes:
            telemetry.NODE_SCORE.labels(item.score.node).set(item.score.total)
            if item.score.sample_age is not None:
                telemetry.SAMPLE_AGE.labels(item.score.node).set(item.score.sample_age)

    def _recommended(self, now: float) -> tuple[Condition, ...]:
        """What requests Learned would give back, where they are Declared; the gauges on the way."""
        found = savings(live(self._store, now))
        telemetry.SPARED_CPU.set(found.spared.get(CPU, 0) / 1000)
        telemetry.SPARED_MEMORY.set(found.spared.get(MEMORY, 0))
        if self._store.policy.requests is not Requests.DECLARED:
            return ()
        before = next((condition for condition in self._conditions if condition.type == REQUESTS_FIT), None)
        told = recommendation(found, before, now)
        return (told,) if told is not None else ()

    async def _status(self, nodes: Sequence[Standing], snapshot: Snapshot) -> None:
        generation = snapshot.policy.generation
        before = next((condition for condition in self._conditions if condition.type == LOAD_DATA_FRESH), None)
        conditions = (
            freshness(nodes, before, snapshot.now),
            *coverage.conditions(snapshot, self._loads.verdicts, self._conditions),
            *self._recommended(snapshot.now),
        )
        found = topology(nodes, self._store.waitlist.backlog.kept.values())
        told = tuple((c.type, c.status, c.reason, c.message if c.type != LOAD_DATA_FRESH else "") for c in conditions)
        news = generation, told, essence(found)
        if news == self._written:
            return
        try:
            if generation == 0:
                await self._cluster.create_policy()
            await self._cluster.write_policy_status(generation, found, conditions, snapshot.now)
        except ClusterError as error:
            log.warning("the PlacementPolicy's status was not written: %s", error)
        else:
            self._conditions, self._written = conditions, news
        self._written_at = self._clock.boottime()
