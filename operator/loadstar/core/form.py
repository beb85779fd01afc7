"""What Tasks have in common for which one answer holds: where one finds no room, none of its form does.

A form is narrower than a class: Tasks that run other things and ask for the same are of one form. It is made of what
the Task says, so it stays while the cluster changes; what follows from the cluster (where the Tasks are that it is to
be near to, what was learned of its class) is alike for all of a form at any one moment.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from loadstar.core.classes import class_of
from loadstar.core.learning import wants
from loadstar.core.model import Task
from loadstar.core.policy import Policy, WhenHot
from loadstar.core.profile import profile_name
from loadstar.core.queues import TaskQueue
from loadstar.core.steps import times_in_vain, tried_in_vain
from loadstar.core.template import Template

Form: TypeAlias = Hashable
"""Equal for Tasks that every node answers alike."""


def form_of(task: Task, template: Template, policy: Policy, queue: TaskQueue | None = None) -> Form:
    """The form of a Task of this queue that resolves to this template under this policy."""
    placement = template.placement
    kind: tuple[object, ...] = (
        tuple(template.worker.requests.items()),
        placement,
        template.requires,
        template.prefers,
        template.strategy,
    )
    if placement.near or placement.apart:
        kind += (task.namespace,)
    if task.status.attempts:
        kind += (tried_in_vain(task.status), times_in_vain(task.status))
    if wants(task, template.worker, policy, queue, required=template.requires_declared):
        held = task.status.resources
        spared = held is not None and held.killed is not None
        kind += (task.namespace, profile_name(task, template.worker), spared, task.status.attempts)
    if policy.when_hot is WhenHot.WAIT:
        # Whether a node is hot with the Task on it goes by what its class uses.
        kind += (class_of(template.worker),)
    return kind
