"""Whether others are stopped for a Task that waits for room, or could be: what `loadstar why` says of preemption."""

from __future__ import annotations

from typing import Final

from loadstar.core.model import Task
from loadstar.core.preemption import Victim, plan
from loadstar.core.queues import Preemption
from loadstar.core.reasons import Reason
from loadstar.core.request import Request
from loadstar.core.snapshot import Snapshot
from loadstar.core.stops import preempted_for
from loadstar.runtime.preemptor import candidates, may
from loadstar.runtime.store import Store

NAMED: Final = 5


def room(store: Store, task: Task, request: Request, snapshot: Snapshot) -> str:
    """In a sentence; empty where its queue does not allow it."""
    queue = store.queues.of(task)
    if queue is None or queue.preemption is not Preemption.LOWER_PRIORITY:
        return ""
    ending = [
        f"{'/'.join(other.key)} on {other.status.assigned_to}"
        for other in store.tasks.values()
        if other.status.stopping == Reason.PREEMPTED and preempted_for(other) == task.key
    ]
    if ending:
        return f"being made: {_some(ending)} stopped for it"
    lower = [victim for victim in candidates(store, snapshot.now) if may(store, task, victim)]
    found = plan(request, task.priority, lower, snapshot)
    if found is not None:
        return f"could be made on {found.node}, by stopping {_some([_told(victim) for victim in found.victims])}"
    scope = "the cluster" if store.policy.preemption == "Cluster" else f"namespace {task.namespace}"
    return f"cannot be made: no node has enough of it with Tasks of {scope} that are preemptible and of lower priority"


def _told(victim: Victim) -> str:
    return f"{'/'.join(victim.key)} of priority {victim.priority}, {victim.lost:.0f} s of work"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return "; ".join(sorted(names)[:NAMED]) + more
