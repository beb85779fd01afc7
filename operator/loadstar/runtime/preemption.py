"""Makes room for Tasks that find none, where their queue allows that others are stopped for them.

Works once a second on lines that are parked, so it costs a placement nothing. Which Tasks are stopped is the core's
decision; that their attempts end is each one's own reconciliation, and the room is charged to the node meanwhile, so
that nobody else takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

from loadstar import telemetry
from loadstar.core.branch import Line
from loadstar.core.model import Strategy, Task
from loadstar.core.placement import Placed, place
from loadstar.core.policy import PreemptionScope
from loadstar.core.preemption import Victim, plan
from loadstar.core.queues import Preemption as Allowed
from loadstar.core.reasons import Reason
from loadstar.core.request import Request
from loadstar.core.resources import NOTHING_LEARNED
from loadstar.core.snapshot import Snapshot
from loadstar.core.states import State
from loadstar.runtime.claims import PATIENCE_SECONDS, TAKE_SECONDS, Claim, gone
from loadstar.runtime.store import Key, Store

MOST_CLAIMS: Final = 32
"""For so many Tasks room is made at a time."""
PLANS_AT_ONCE: Final = 8

Ask: TypeAlias = Callable[[Task, Snapshot], Request | None]


class Preemption:
    """`ask`: what a Task asks of the placement; `changed` gets Tasks whose attempts are to end, or that may go on."""

    def __init__(self, store: Store, ask: Ask, changed: Callable[[Key], None]) -> None:
        self._store = store
        self._ask = ask
        self._changed = changed

    def seek(self, now: float) -> None:
        """Make room for some of those that wait for it, the most urgent first."""
        store, plans = self._store, 0
        if not any(queue.preemption is Allowed.LOWER_PRIORITY for queue in store.queues.objects.values()):
            return
        victims: list[Victim] | None = None
        for task, line in self._waiting(now):
            if plans == PLANS_AT_ONCE or len(store.claims) >= MOST_CLAIMS:
                return
            victims = self._candidates(now) if victims is None else victims
            lower = [one for one in victims if self._may(task, one)]
            snapshot = store.snapshot(now)
            request = self._ask(task, snapshot) if lower else None
            if request is None or request.template.strategy is Strategy.KUBE_SCHEDULER:
                continue
            if store.waitlist.backlog.bars(line, request.template.requests) is not None:
                continue
            plans += 1
            found = plan(request, task.priority, lower, snapshot)
            if found is None:
                continue
            declared = replace(request.template, learned=NOTHING_LEARNED).requests
            claim = Claim(task.key, task.uid, task.priority, declared, found, now + PATIENCE_SECONDS)
            store.claim(claim)
            victims = [one for one in victims if one not in found.victims]
            telemetry.PREEMPTIONS.inc(len(found.victims))
            for key in (task.key, *(one.key for one in found.victims)):
                self._changed(key)

    def redeem(self, now: float) -> Iterator[tuple[Task, Request, Snapshot, Placed]]:
        """Those for which there is room now, each to be placed before the next one is asked for."""
        store = self._store
        for claim in store.claims:
            task = store.tasks.get(claim.key)
            if task is None or task.uid != claim.uid or claim.key not in store.waitlist:
                self._end(claim)
                continue
            if not claim.ready and gone(claim, store.tasks):
                claim.ready, claim.until = True, min(claim.until, now + TAKE_SECONDS)
            if claim.ready:
                # What is kept for it is not to be in its own way.
                store.unclaim(claim)
                snapshot = store.snapshot(now)
                if (request := self._ask(task, snapshot)) is not None and self._allowed(claim.key, request):
                    decision = place(request, snapshot)
                    if isinstance(decision, Placed):
                        yield task, request, snapshot, decision
                        continue
                store.claim(claim)
            if claim.until <= now:
                self._end(claim)
                store.claims.bar(claim.key, now)

    def _end(self, claim: Claim) -> None:
        self._store.unclaim(claim)
        for one in claim.plan.victims:
            self._changed(one.key)

    def _allowed(self, key: Key, request: Request) -> bool:
        backlog = self._store.waitlist.backlog
        return backlog.bars(backlog.line(key), request.template.requests) is None

    def _waiting(self, now: float) -> Iterator[tuple[Task, Line]]:
        """Tasks for which room may be made, those of the highest priority first."""
        store = self._store
        found: list[tuple[Task, Line]] = []
        for line in store.waitlist.backlog.parked():
            if line.lane.rules.preemption is not Allowed.LOWER_PRIORITY:
                continue
            if line.answer is None or line.answer.reason is not Reason.WAITING_FOR_CAPACITY:
                continue
            for key in line.order.first(PLANS_AT_ONCE):
                task = store.tasks.get(key)
                if task is not None and not store.claims.barred(key, now):
                    found.append((task, line))
        return iter(sorted(found, key=lambda pair: (-pair[0].priority, pair[0].created, pair[0].uid)))

    def _may(self, task: Task, victim: Victim) -> bool:
        near = victim.key[0] == task.namespace or self._store.policy.preemption is PreemptionScope.CLUSTER
        return near and victim.priority < task.priority

    def _candidates(self, now: float) -> list[Victim]:
        """Attempts that hold a node and may be stopped, and are not being stopped yet."""
        store = self._store
        found: list[Victim] = []
        for key in store.preemptible:
            task = store.tasks[key]
            status = task.status
            pod = store.live_pod(task)
            if pod is None or status.stopping or task.deleting or store.claims.claimed(key):
                continue
            running = status.state is State.RUNNING and status.started is not None
            lost = max(0.0, now - (status.started or now)) if running else 0.0
            found.append(
                Victim(key, task.uid, status.attempt, task.priority, pod.node, pod.requests, lost, status.preemptions)
            )
        return found
