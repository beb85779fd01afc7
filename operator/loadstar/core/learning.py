"""What a Task asks for, given what its class was learned to use: never more than it declares, never less than a floor.

The rule: after five runs, CPU for the mean and memory for a high percentile of the peaks, with limits left as they
are. CPU is compressible and many Tasks average out, so a margin on each would only give the room away again; memory is
not, so it has one.
"""

from __future__ import annotations

from math import ceil, floor, log2
from typing import Final

from loadstar.core.model import Attempt, Task, TaskStatus, Worker
from loadstar.core.policy import Policy
from loadstar.core.profile import Profile
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.core.queues import TaskQueue
from loadstar.core.reasons import Reason
from loadstar.core.resources import NOTHING_LEARNED, Asks, Requests
from loadstar.core.usage import Usage

ENOUGH_RUNS: Final = 5
"""From so many measured runs on a class is known."""
ENOUGH_PEAKS: Final = 100
"""From so many on the percentile of its peaks is asked for, below it the largest of them."""
PERCENTILE: Final = 99
CPU_FACTOR: Final = 1.05
MEMORY_FACTOR: Final = 1.15
CPU_FLOOR: Final = 10
MEMORY_FLOOR: Final = 16 * 2**20
NEAR_LIMIT: Final = 0.95
MEMORY_STEP: Final = 2**20
"""Memory is asked for in whole MiB: a percentile that moves by less is no other request."""


def rule(profile: Profile | None) -> Asks:
    """What Tasks of the class would ask for that declare nothing."""
    if profile is None:
        return NOTHING_LEARNED
    requests: dict[str, int] = {}
    percentile = None
    if profile.cpu.count >= ENOUGH_RUNS:
        requests[CPU] = max(CPU_FLOOR, _stepped(profile.cpu.mean * CPU_FACTOR))
    if profile.sized >= ENOUGH_RUNS:
        percentile = PERCENTILE if profile.sized >= ENOUGH_PEAKS else 100
        peak = profile.memory.quantile(PERCENTILE / 100) if percentile == PERCENTILE else profile.memory.largest
        steps = ceil(peak * MEMORY_FACTOR / MEMORY_STEP)
        requests[MEMORY] = max(MEMORY_FLOOR, steps * MEMORY_STEP)
    return Asks(requests, percentile)


def _stepped(millicores: float) -> int:
    """Rounded up by at most 2 %, to one of few values: Tasks that ask for the same are placed as one kind."""
    step = 1 << max(0, floor(log2(max(1.0, millicores) / 50)))
    return ceil(millicores / step) * step


def wants(
    task: Task, worker: Worker, policy: Policy, queue: TaskQueue | None = None, *, required: bool = False
) -> bool:
    """Whether the Task's requests are to be learned: as it says itself, else its queue, else the policy.

    `required`: its type must have what it declares. Requests equal to limits are a promise of their own (QoS
    Guaranteed): only the Task itself may give it up.
    """
    if required or task.placement.requires_declared:
        return False
    if task.placement.requests is not None:
        return task.placement.requests is Requests.LEARNED
    said = queue.requests if queue is not None and queue.requests is not None else policy.requests
    return said is Requests.LEARNED and not worker.guaranteed


def asked(declared: Quantities, asks: Asks, status: TaskStatus) -> Asks:
    """What this Task asks for instead of `declared`, after what befell its attempts; nothing where that is not less.

    One that was killed for memory below what it declares gets what it declares; one whose Pod was refused for anything
    but a quota asks as declared: a LimitRange may have a minimum.
    """
    if not asks.requests or refused(status.attempts):
        return NOTHING_LEARNED
    spared = status.resources is not None and status.resources.killed is not None
    found = {
        name: value
        for name, value in asks.requests.items()
        if value < declared.get(name, value + 1) and not (name == MEMORY and spared)
    }
    return Asks(found, asks.percentile if MEMORY in found else None)


def spared(status: TaskStatus, limit: int | None, usage: Usage | None) -> bool:
    """Whether a kill for memory is free: once, of an attempt that asked for less than is declared.

    One that was seen near its `limit` was killed for that, whatever it asked for; None: it has none.
    """
    held = status.resources
    if held is None or held.killed is not None or held.requested.get(MEMORY) == held.declared.get(MEMORY):
        return False
    return limit is None or usage is None or usage.memory < NEAR_LIMIT * limit


def refused(attempts: tuple[Attempt, ...]) -> bool:
    """True when a Pod was refused, and not by a quota, which more modest requests only help."""
    return any(one.reason == Reason.POD_CREATE_FORBIDDEN and not over_quota(one.message) for one in attempts)


def over_quota(message: str) -> bool:
    """True for the words with which a ResourceQuota refuses a Pod that would exceed it."""
    return "exceeded quota" in message
