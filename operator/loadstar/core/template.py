"""What a Task asks for once its type's defaults from the policy are counted in.

Leaves choosing a node to `placement` and the Pod itself to `loadstar.kube.manifests`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from loadstar.core.model import Placement, Strategy, Task, TaskStatus, Worker
from loadstar.core.policy import Policy, TypeDefault
from loadstar.core.quantity import MEMORY, Quantities
from loadstar.core.resources import NOTHING_LEARNED, Asks, grown

DEFAULT_TYPE = "default"


@dataclass(frozen=True, slots=True)
class Template:
    """What to run, the labels to look for, and who chooses.

    `learned`: what is asked for in the place of what is declared; `requires_declared`: nothing may be.
    `memory_factor`: after kills for memory so many times what the worker says is declared.
    """

    worker: Worker
    placement: Placement
    requires: tuple[str, ...]
    prefers: tuple[str, ...]
    strategy: Strategy = Strategy.LOAD_AWARE
    learned: Asks = NOTHING_LEARNED
    requires_declared: bool = False
    memory_factor: float = 1.0

    @property
    def declared(self) -> Quantities:
        """What the worker requests, its memory grown where it was killed for it."""
        requests = self.worker.requests
        if self.memory_factor == 1.0 or MEMORY not in requests:
            return requests
        return {**requests, MEMORY: grown(requests[MEMORY], self.memory_factor)}

    @property
    def limit(self) -> int | None:
        """The bytes of memory that its container may use, grown likewise; None: no limit."""
        limit = self.worker.limit
        return None if limit is None else grown(limit, self.memory_factor)

    @property
    def requests(self) -> Quantities:
        """What its Pod asks for."""
        learned = self.learned.requests
        return {**self.declared, **learned} if learned else self.declared


def resolve(task: Task, policy: Policy) -> Template | None:
    """The Task's own worker, else its type's, else the type `default`'s; None when there is none of the three."""
    by_type = _type_default(task.type, policy.types)
    worker = task.worker or by_type.worker
    if worker is None and (fallback := policy.types.get(DEFAULT_TYPE)):
        worker = fallback.worker
    if worker is None:
        return None
    placement = task.placement
    if placement.weights is None and by_type.weights is not None:
        placement = replace(placement, weights=by_type.weights)
    return Template(
        worker=worker,
        placement=placement,
        requires=_union(by_type.requires, task.placement.requires),
        prefers=_union(by_type.prefers, task.placement.prefers),
        strategy=placement.strategy or policy.strategy,
        requires_declared=by_type.requires_declared,
        memory_factor=1.0 if task.status.resources is None else task.status.resources.memory_factor,
    )


def assigned(template: Template, status: TaskStatus) -> Template:
    """The template with what the open attempt was assigned to ask for, whatever has been learned since."""
    held, declared = status.resources, template.declared
    if held is None or not held.learned:
        return template
    # The type's worker may be another one by now: no request above what it declares, which may be its limit.
    found = {name: value for name, value in held.requested.items() if value < declared.get(name, value + 1)}
    return replace(template, learned=Asks(found, held.percentile))


def missing_worker_message(task: Task, policy: Policy) -> str:
    """Says what the Task may name instead."""
    known = sorted(name for name, default in policy.types.items() if default.worker)
    names = ", ".join(known[:20]) or "none"
    return (
        f"the Task names no worker and the PlacementPolicy has none for type {task.type!r}; "
        f"types with a worker: {names}"
    )


def _type_default(name: str, types: Mapping[str, TypeDefault]) -> TypeDefault:
    return types.get(name) or types.get(DEFAULT_TYPE) or TypeDefault()


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return first + tuple(name for name in second if name not in first)
