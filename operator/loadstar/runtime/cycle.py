"""The placement cycle: asks the Tasks that wait, in their order, and places many, each counting for the next.

It wakes when something asks, waits a moment for company, and never longer than a maximum. What it decides goes into
the store; the writes are the engine's. Whose turn it is, and who need not be asked, is the backlog's to know.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from heapq import nsmallest
from math import ceil
from typing import Final, Protocol

from loadstar import telemetry
from loadstar.core.branch import Line
from loadstar.core.claims import Claim
from loadstar.core.fit import no_room
from loadstar.core.model import Strategy, Task
from loadstar.core.parking import room
from loadstar.core.placement import FULL_SECONDS, SHOWN_PODS, Decision, Placed, Unplaced, place, shown
from loadstar.core.policy import WhenFull
from loadstar.core.queues import TaskQueue
from loadstar.core.reasons import Reason
from loadstar.core.record import record
from loadstar.core.request import Request
from loadstar.core.scoring import standing
from loadstar.core.snapshot import Snapshot
from loadstar.core.states import State
from loadstar.core.steps import times_in_vain, tried_in_vain
from loadstar.core.template import resolve
from loadstar.runtime.claiming import Claiming
from loadstar.runtime.decisions import Decisions
from loadstar.runtime.ports import Clock
from loadstar.runtime.profiles import Profiles, name_of
from loadstar.runtime.store import Key, Store
from loadstar.runtime.waitlist import begun

IDLE_SECONDS: Final = 0.02
LONGEST_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 1.0
"""How often Tasks without a node are tried again when nothing woke the cycle, and what is not urgent is done."""
UNPINNED_AFTER: Final = 3
"""After so many Pods in a row that no node took, a Task is left to kube-scheduler."""
YIELD_EVERY: Final = 50
YIELD_SECONDS: Final = 0.02
WEIGHED: Final = 64
"""So many lines of a queue that goes by scores are looked at in a row before the first of them is taken."""
EXPLAINED_SECONDS: Final = 10.0
"""How old the words may be in which it is said why there is no node, while the answer is the same."""
LOOKS_PER_SECOND: Final = 1000.0
"""So many nodes a second are looked at to find other words for who waits: a look at 5,000 takes 10 ms."""
TOLD_PER_SECOND: Final = 20.0
TOLD_AT_ONCE: Final = 200.0
"""So many Tasks in a row are looked at again because their reason for waiting is another one, then fewer: no more of
these are written in a second."""

log = logging.getLogger(__name__)


class Cycle:
    """Places pending Tasks in the order of the backlog."""

    def __init__(
        self, store: Store, clock: Clock, changed: Callable[[Key], None], log: Decisions | None = None
    ) -> None:
        """`changed` gets each Task about which something new was decided; so does `log`, with what it came of."""
        self._store = store
        self._backlog = store.waitlist.backlog
        self._clock = clock
        self._changed = changed
        self._log = log if log is not None and log.on else None
        self._wake = asyncio.Event()
        self._policy = store.policy
        self._tended = float("-inf")
        self._claiming = Claiming(store)
        self._looks = 0.0
        self._to_tell = TOLD_AT_ONCE
        self._told = clock.boottime()
        self.progress = clock.boottime()

    def request(self, key: Key) -> None:
        """A Task asks for a node."""
        task = self._store.tasks.get(key)
        if task is not None and key not in self._backlog and self._store.waitlist.join(task, self._store.policy):
            self._wake.set()

    def wake(self) -> None:
        """Something changed that may let a waiting Task in."""
        if len(self._backlog):
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
            if len(self._backlog) or self._claiming:
                with telemetry.CYCLE_SECONDS.time():
                    await self._place_all()

    async def _gather(self) -> None:
        """Wait until nobody joined for a moment, or the longest wait is over."""
        end = self._clock.boottime() + LONGEST_SECONDS
        count = -1
        while count != len(self._backlog) and self._clock.boottime() < end:
            count = len(self._backlog)
            await asyncio.sleep(IDLE_SECONDS)

    async def _place_all(self) -> None:
        backlog = self._backlog
        await self._regroup()
        for claim in self._claiming.met(self._store.snapshot(self._clock.now()).nodes):
            self._redeem(claim)
        snapshot = self._store.snapshot(self._clock.now())
        backlog.begin(lambda template: room(template, snapshot))
        asked = weighed = 0
        since = self._clock.boottime()
        while (line := backlog.next()) is not None:
            asked += 1
            if asked % YIELD_EVERY == 0 or self._clock.boottime() - since > YIELD_SECONDS:
                await asyncio.sleep(0)
                since = self._clock.boottime()
                if (line := backlog.next()) is None:
                    break
            weighed = weighed + 1 if self._ask(line, last=weighed >= WEIGHED) else 0
        if self._clock.boottime() - self._tended >= RETRY_SECONDS:
            self._tended = self._clock.boottime()
            self._explain()
            self._show()
            self._claiming.grant(self._clock.now(), self._asks)
        self._tell()

    def _look(self, key: Key) -> tuple[Task, Request, Snapshot] | None:
        """A Task that waits, what it asks for now, and the nodes; None when nothing says what it runs or it is gone."""
        # Each placement is charged at once, so the next one sees it; asking anew costs what has changed.
        store, snapshot = self._store, self._store.snapshot(self._clock.now())
        task = store.tasks.get(key)
        if task is None or task.status.state is not State.PENDING:
            return None
        request = request_of(task, snapshot, store.node_of, store.profiles, store.queues.of(task))
        return (task, request, snapshot) if request is not None else None

    def _asks(self, key: Key) -> Request | None:
        looked = self._look(key)
        return looked[1] if looked is not None else None

    def _redeem(self, claim: Claim) -> None:
        """The node that was kept for a Task has room for it: it comes before all others, if limits allow."""
        looked = self._look(claim.key)
        if looked is None or self._backlog.barred(claim.key, looked[1].template.requests) is not None:
            return
        task, request, _ = looked
        self._claiming.drop(claim.key)
        snapshot = self._store.snapshot(self._clock.now())
        decision = place(request, snapshot)
        if isinstance(decision, Placed):
            self._place(task, request, snapshot, decision)
        else:
            self._claiming.put(claim)

    def _ask(self, line: Line, *, last: bool) -> bool:
        """Ask for the first Task of a line; True when others of its queue are to be asked before it gets its node."""
        looked = self._look(line.first)
        if looked is None:
            key = line.first
            self._backlog.drop(key)
            self._changed(key)
            return False
        task, request, snapshot = looked
        if self._backlog.over(line, request.template.requests):
            return False
        now, store = snapshot.now, self._store
        fresh = line.verdict if now - line.explained < EXPLAINED_SECONDS else None
        known = place(request, snapshot, fresh)
        decision = shown(known, store.policy, now - begun(task), store.unpinned)
        if isinstance(decision, Unplaced):
            self._refuse(line, task, request, snapshot, decision)
            return False
        if decision.score is not None and not self._backlog.weigh(line, standing(decision.score)) and not last:
            return True
        self._place(task, request, snapshot, decision)
        return False

    def _refuse(self, line: Line, task: Task, request: Request, snapshot: Snapshot, verdict: Unplaced) -> None:
        """What is only said again, of the same line, is on record already."""
        if verdict is not line.verdict:
            if verdict != line.verdict:
                self._record(task, request, snapshot, verdict)
            line.explained = snapshot.now
        self._backlog.park(line, verdict, request.template)

    def _place(self, task: Task, request: Request, snapshot: Snapshot, decision: Placed) -> None:
        telemetry.PLACEMENTS.labels(decision.strategy).inc()
        self._record(task, request, snapshot, decision)
        self._note(task, request, snapshot, decision)
        self._store.decide(task.key, decision)
        self._claiming.drop(task.key)
        self._changed(task.key)

    def _record(self, task: Task, request: Request, snapshot: Snapshot, decision: Decision) -> None:
        if self._log is not None:
            waited, pods = snapshot.now - begun(task), self._store.unpinned
            self._log.add(record(task.key, request, snapshot, waited, pods, decision))

    def _explain(self) -> None:
        """Say anew, of the lines of which it was said longest ago, why they have no node."""
        now, nodes = self._clock.now(), len(self._store.nodes) or 1
        self._looks = min(LOOKS_PER_SECOND, self._looks + LOOKS_PER_SECOND * RETRY_SECONDS)
        if self._looks <= 0:
            return
        at_once = ceil(self._looks / nodes)
        for line in nsmallest(at_once, self._backlog.parked(), key=lambda line: line.explained):
            if line.explained > now - EXPLAINED_SECONDS:
                return
            self._looks -= nodes
            looked = self._look(line.first)
            decision = place(looked[1], looked[2]) if looked is not None else None
            line.explained = now
            if isinstance(decision, Unplaced):
                self._backlog.explain(line, decision)

    def _show(self) -> None:
        """Where there has been no room for long, make Pods that cluster autoscalers see: for who waited longest."""
        store, now = self._store, self._clock.now()
        if store.policy.when_full is not WhenFull.CREATE_PODS or store.unpinned >= SHOWN_PODS:
            return
        full = [line for line in self._backlog.parked() if _lasts(line, now)]
        for line in sorted(full, key=lambda line: line.oldest):
            while store.unpinned < SHOWN_PODS and len(line) and line.oldest <= now - FULL_SECONDS:
                looked = self._look(line.eldest)
                if looked is None:
                    break
                task, request, snapshot = looked
                decision = shown(place(request, snapshot), store.policy, now - begun(task), store.unpinned)
                if isinstance(decision, Unplaced):
                    break
                self._place(task, request, snapshot, decision)

    def _tell(self) -> None:
        """Have Tasks looked at whose reason for waiting is another one than they say."""
        now, backlog, tasks = self._clock.boottime(), self._backlog, self._store.tasks
        self._to_tell = min(TOLD_AT_ONCE, self._to_tell + (now - self._told) * TOLD_PER_SECOND)
        self._told = now
        backlog.announce()
        while backlog.news and self._to_tell >= 1:
            key = next(iter(backlog.news))
            del backlog.news[key]
            verdict, task = backlog.verdict(key), tasks.get(key)
            if verdict is not None and task is not None and verdict.reason != task.status.reason:
                self._to_tell -= 1
                self._changed(key)

    async def _regroup(self) -> None:
        """Under another policy, or in a queue that learns or no longer does, Tasks may be of other forms."""
        store = self._store
        if store.policy is self._policy and not store.waitlist.reformed:
            return
        self._policy, store.waitlist.reformed = store.policy, False
        store.waitlist.tenants = store.policy.tenants
        self._backlog.rehome()
        for number, key in enumerate(list(self._backlog)):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if key in self._backlog and (task := store.tasks.get(key)):
                store.waitlist.join(task, store.policy)

    def _note(self, task: Task, request: Request, snapshot: Snapshot, decision: Placed) -> None:
        """Count what learned requests bring: a start on a node that has no room for what is declared."""
        if decision.learned.requests and decision.node:
            telemetry.LEARNED_PLACEMENTS.inc()
            if no_room(snapshot.nodes[decision.node], request.template.worker.requests) is not None:
                telemetry.EARLY_PLACEMENTS.inc()
                self._store.profiles.early(name_of(task, request.template))


def _lasts(line: Line, now: float) -> bool:
    """True when a Task of the line has waited for room for long."""
    return (
        line.verdict is not None
        and line.verdict.reason is Reason.WAITING_FOR_CAPACITY
        and line.oldest <= now - FULL_SECONDS
    )


class NodeOf(Protocol):
    """Where a Task is, or was last."""

    def __call__(self, key: Key, *, now: bool) -> str:
        """Empty when nowhere."""
        ...


def request_of(
    task: Task, snapshot: Snapshot, node_of: NodeOf, profiles: Profiles, queue: TaskQueue | None = None
) -> Request | None:
    """What the Task asks of the placement now; None when nothing says what it runs."""
    template = resolve(task, snapshot.policy)
    if template is None:
        return None
    template = profiles.template(task, template, snapshot.policy, snapshot.now, queue)
    if times_in_vain(task.status) >= UNPINNED_AFTER:
        return Request(task.uid, replace(template, strategy=Strategy.KUBE_SCHEDULER))
    placement = template.placement
    near = {node_of((task.namespace, name), now=False) for name in placement.near}
    apart = {node_of((task.namespace, name), now=True) for name in placement.apart}
    avoid = frozenset(tried_in_vain(task.status))
    return Request(task.uid, template, avoid, frozenset(near - {""}), frozenset(apart - {""}))
