"""Has Tasks stopped for others that find no room, where the queue of these allows it.

Works once a second on lines that are parked, so it costs a placement nothing. Which Tasks are stopped is the core's
decision; that their attempts end is each one's own reconciliation, and a claim keeps the room meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from loadstar import telemetry
from loadstar.core.branch import Line
from loadstar.core.claims import Claim
from loadstar.core.model import Strategy, Task
from loadstar.core.policy import PreemptionScope
from loadstar.core.preemption import Victim, plan
from loadstar.core.queues import Preemption as Allowed
from loadstar.core.reasons import Reason
from loadstar.core.request import Request
from loadstar.core.resources import NOTHING_LEARNED
from loadstar.core.states import State
from loadstar.runtime.claiming import Asks, Claiming
from loadstar.runtime.preemptions import PATIENCE_SECONDS, TAKE_SECONDS, Preemption
from loadstar.runtime.store import Key, Store

MOST: Final = 32
"""For so many Tasks others are stopped at a time."""
PLANS_AT_ONCE: Final = 8


class Preemptor:
    """`changed` gets Tasks whose attempts are to end, or may go on."""

    def __init__(self, store: Store, claiming: Claiming, changed: Callable[[Key], None]) -> None:
        self._store = store
        self._claiming = claiming
        self._changed = changed

    def tend(self, now: float) -> None:
        """End what is done, or has come to nothing."""
        store = self._store
        for one in store.preemptions:
            task = store.tasks.get(one.key)
            if not one.ready and one.done(store.tasks):
                one.ready, one.until = True, min(one.until, now + TAKE_SECONDS)
            waits = task is not None and task.uid == one.uid and one.key in store.waitlist
            if waits and self._claiming.has(one.key) and now < one.until:
                continue
            if waits:
                self._claiming.drop(one.key)
                store.preemptions.bar(one.key, now)
            self._end(one)

    def seek(self, now: float, asks: Asks) -> None:
        """Stop others for some of those that wait for room, the most urgent first."""
        store = self._store
        if not any(queue.preemption is Allowed.LOWER_PRIORITY for queue in store.queues.objects.values()):
            return
        victims: list[Victim] | None = None
        plans = 0
        for task in self._waiting(now):
            if plans == PLANS_AT_ONCE or len(store.preemptions) >= MOST:
                return
            victims = candidates(store, now) if victims is None else victims
            lower = [one for one in victims if may(store, task, one)]
            request = asks(task.key) if lower else None
            if request is None or request.template.strategy is Strategy.KUBE_SCHEDULER:
                continue
            if store.waitlist.backlog.barred(task.key, request.template.requests) is not None:
                continue
            plans += 1
            found = self._begin(task, request, lower, now)
            victims = [one for one in victims if one not in found]

    def _begin(self, task: Task, request: Request, lower: list[Victim], now: float) -> tuple[Victim, ...]:
        """Those that are stopped for the Task; none where that is of no use."""
        store = self._store
        kept = self._claiming.drop(task.key)
        found = plan(request, task.priority, lower, store.snapshot(now))
        if found is None:
            if kept is not None:
                self._claiming.put(kept)
            return ()
        declared = replace(request.template, learned=NOTHING_LEARNED).requests
        self._claiming.put(Claim(task.key, found.node, declared, now))
        store.preemptions.begin(Preemption(task.key, task.uid, task.priority, found, now + PATIENCE_SECONDS))
        telemetry.PREEMPTIONS.inc(len(found.victims))
        for key in (task.key, *(one.key for one in found.victims)):
            self._changed(key)
        return found.victims

    def _end(self, one: Preemption) -> None:
        self._store.preemptions.end(one)
        for victim in one.plan.victims:
            self._changed(victim.key)

    def _waiting(self, now: float) -> Iterator[Task]:
        """Tasks for which others may be stopped, those of the highest priority first."""
        store, backlog = self._store, self._store.waitlist.backlog
        found: list[Task] = []
        for line in backlog.parked():
            if not _wants(line):
                continue
            for key in line.order.first(PLANS_AT_ONCE):
                task = store.tasks.get(key)
                if task is not None and not store.preemptions.barred(key, now):
                    found.append(task)
        return iter(sorted(found, key=lambda task: (-task.priority, task.created, task.uid)))


def candidates(store: Store, now: float) -> list[Victim]:
    """Attempts that hold a node and may be stopped, and are not being stopped yet."""
    found: list[Victim] = []
    for key in store.preemptions.open:
        task = store.tasks[key]
        status, pod = task.status, store.live_pod(task)
        if pod is None or status.stopping or task.deleting or store.preemptions.planned(key):
            continue
        ran = status.state is State.RUNNING and status.started is not None
        lost = max(0.0, now - (status.started or now)) if ran else 0.0
        found.append(
            Victim(key, task.uid, status.attempt, task.priority, pod.node, pod.requests, lost, status.preemptions)
        )
    return found


def may(store: Store, task: Task, victim: Victim) -> bool:
    """Whether the policy lets this one be stopped for the Task."""
    near = victim.key[0] == task.namespace or store.policy.preemption is PreemptionScope.CLUSTER
    return near and victim.priority < task.priority


def _wants(line: Line) -> bool:
    """True where want of room alone keeps Tasks of a queue that allows others to be stopped."""
    answer = line.answer
    allowed = line.lane.rules.preemption is Allowed.LOWER_PRIORITY
    return allowed and answer is not None and answer.reason is Reason.WAITING_FOR_CAPACITY
