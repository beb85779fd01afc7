"""The placement cycle: takes all Tasks that ask for a node, one snapshot, and places many, each counting for the next.

It wakes when something asks, waits a moment for company, and never longer than a maximum. What it decides goes into
the store; the writes are the engine's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from loadstar import telemetry
from loadstar.core.fit import no_room
from loadstar.core.model import Strategy, Task
from loadstar.core.placement import Decision, Placed, Unplaced, place, shown
from loadstar.core.record import record
from loadstar.core.request import Request
from loadstar.core.snapshot import Snapshot
from loadstar.core.states import State
from loadstar.core.steps import times_in_vain, tried_in_vain
from loadstar.core.stops import waiting_since
from loadstar.core.template import resolve
from loadstar.runtime.decisions import Decisions
from loadstar.runtime.ports import Clock
from loadstar.runtime.profiles import Profiles, name_of
from loadstar.runtime.store import Key, Store

IDLE_SECONDS: Final = 0.02
LONGEST_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 1.0
"""How often Tasks without a node are tried again when nothing woke the cycle."""
UNPINNED_AFTER: Final = 3
"""After so many Pods in a row that no node took, a Task is left to kube-scheduler."""
YIELD_EVERY: Final = 50

log = logging.getLogger(__name__)


class Cycle:
    """Places pending Tasks: highest priority first, inherited or their own, then oldest."""

    def __init__(
        self, store: Store, clock: Clock, changed: Callable[[Key], None], log: Decisions | None = None
    ) -> None:
        """`changed` gets each Task about which something new was decided; so does `log`, with what it came of."""
        self._store = store
        self._clock = clock
        self._changed = changed
        self._log = log if log is not None and log.on else None
        self._wake = asyncio.Event()
        self.progress = clock.boottime()

    def request(self, key: Key) -> None:
        """A Task asks for a node."""
        if key not in self._store.pending:
            self._store.pending.add(key)
            self._wake.set()

    def wake(self) -> None:
        """Something changed that may let a waiting Task in."""
        if self._store.pending:
            self._wake.set()

    async def run(self) -> None:
        """Run cycles for ever."""
        while True:
            try:
                async with asyncio.timeout(RETRY_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            else:
                await self._gather()
            self._wake.clear()
            self.progress = self._clock.boottime()
            if self._store.pending:
                with telemetry.CYCLE_SECONDS.time():
                    await self._place_all()

    async def _gather(self) -> None:
        """Wait until nobody joined for a moment, or the longest wait is over."""
        end = self._clock.boottime() + LONGEST_SECONDS
        count = -1
        while count != len(self._store.pending) and self._clock.boottime() < end:
            count = len(self._store.pending)
            await asyncio.sleep(IDLE_SECONDS)

    async def _place_all(self) -> None:
        store = self._store
        tasks = [task for key in store.pending if (task := store.tasks.get(key))]
        tasks.sort(key=lambda task: (-store.priority_of(task.key), task.created, task.uid))
        refused: dict[object, Unplaced] = {}
        for index, task in enumerate(tasks):
            if index and index % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if task.key not in store.pending or task.status.state is not State.PENDING:
                continue
            if isinstance(store.decisions.get(task.key), Placed):
                continue
            # Each placement is charged at once, so the next one sees it; asking anew costs what has changed.
            now = self._clock.now()
            snapshot = store.snapshot(now)
            request = request_of(task, snapshot, store.node_of, store.profiles)
            if request is None:
                continue
            waited, pods = now - max(waiting_since(task), task.status.not_before or 0.0), store.unpinned
            known = refused.get(request.shape)
            anew = known is None or shown(known, store.policy, waited, pods) is not known
            decision: Decision | None = known
            if anew:
                decision = shown(self._place(request, snapshot, refused), store.policy, waited, pods)
            if decision is not None and store.decisions.get(task.key) != decision:
                # What is only said again, to one more Task of the same shape, is on record with the first.
                if self._log is not None and anew:
                    self._log.add(record(task.key, request, snapshot, waited, pods, decision))
                self._note(task, request, snapshot, decision)
                store.decide(task.key, decision)
                self._changed(task.key)
        store.pending.difference_update([k for k in store.pending if isinstance(store.decisions.get(k), Placed)])

    def _place(self, request: Request, snapshot: Snapshot, refused: dict[object, Unplaced]) -> Decision:
        decision = place(request, snapshot)
        if isinstance(decision, Unplaced):
            refused[request.shape] = decision
        else:
            telemetry.PLACEMENTS.labels(decision.strategy).inc()
        return decision

    def _note(self, task: Task, request: Request, snapshot: Snapshot, decision: Decision) -> None:
        """Count what learned requests bring: a start on a node that has no room for what is declared."""
        if isinstance(decision, Placed) and decision.learned.requests and decision.node:
            telemetry.LEARNED_PLACEMENTS.inc()
            if no_room(snapshot.nodes[decision.node], request.template.worker.requests) is not None:
                telemetry.EARLY_PLACEMENTS.inc()
                self._store.profiles.early(name_of(task, request.template))


class NodeOf(Protocol):
    """Where a Task is, or was last."""

    def __call__(self, key: Key, *, now: bool) -> str:
        """Empty when nowhere."""
        ...


def request_of(task: Task, snapshot: Snapshot, node_of: NodeOf, profiles: Profiles) -> Request | None:
    """What the Task asks of the placement now; None when nothing says what it runs."""
    template = resolve(task, snapshot.policy)
    if template is None:
        return None
    template = profiles.template(task, template, snapshot.policy, snapshot.now)
    if times_in_vain(task.status) >= UNPINNED_AFTER:
        return Request(task.uid, replace(template, strategy=Strategy.KUBE_SCHEDULER))
    placement = template.placement
    near = {node_of((task.namespace, name), now=False) for name in placement.near}
    apart = {node_of((task.namespace, name), now=True) for name in placement.apart}
    avoid = frozenset(tried_in_vain(task.status))
    return Request(task.uid, template, avoid, frozenset(near - {""}), frozenset(apart - {""}))
