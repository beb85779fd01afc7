"""Tasks of the store as the backlog has them: who waits in which place, and who holds how much.

The rules are the core's; this translates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from loadstar.core.backlog import Backlog
from loadstar.core.decision import Decision, Placed
from loadstar.core.form import form_of
from loadstar.core.model import Task
from loadstar.core.policy import Policy
from loadstar.core.quantity import Quantities
from loadstar.core.queues import TaskQueue, Tenant
from loadstar.core.states import State
from loadstar.core.stops import waiting_since
from loadstar.core.template import Template, assigned, resolve
from loadstar.core.waiting import Key, Waiting
from loadstar.runtime.queues import Queues

_HOLDING = {State.ASSIGNED, State.RUNNING}


class Waitlist:
    """The backlog, in step with the Tasks that it is shown. `priority`: the one that counts for a Task.

    `reformed`: a queue has its Tasks ask for something else than before, so all are to join anew.
    """

    def __init__(self, queues: Queues, priority: Callable[[Task], int]) -> None:
        self.tenants: tuple[Tenant, ...] = ()
        self._queues = queues
        self.backlog = Backlog(lambda name: queues.namespaces.tenant(name, self.tenants))
        self._priority = priority
        self.reformed = False

    def __len__(self) -> int:
        return len(self.backlog)

    def __contains__(self, key: object) -> bool:
        return key in self.backlog

    def join(self, task: Task, policy: Policy) -> bool:
        """The Task asks for a node, or asks for something else than before; False when nothing says what it runs."""
        template = resolve(task, policy)
        if template is None:
            self.backlog.drop(task.key)
            return False
        one = Waiting(
            key=task.key,
            uid=task.uid,
            queue=task.queue,
            priority=self._priority(task),
            created=task.created,
            since=begun(task),
            form=form_of(task, template, policy, self._queues.of(task)),
        )
        self.backlog.put(one)
        return True

    def put_queue(self, queue: TaskQueue) -> bool:
        """Take in a TaskQueue; True when it is news."""
        before = self._queues.objects.get((queue.namespace, queue.name))
        if not self._queues.put(queue):
            return False
        self.reformed |= (before.requests if before is not None else None) is not queue.requests
        self.backlog.put_queue(queue)
        return True

    def drop_queue(self, name: Key) -> None:
        """A TaskQueue is gone."""
        self._queues.drop(name)
        self.reformed = True
        self.backlog.drop_queue(name)

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> bool:
        """Take in a namespace; True when its labels are news."""
        if not self._queues.namespaces.put(name, labels):
            return False
        self.backlog.rehome(name)
        return True

    def drop_namespace(self, name: str) -> None:
        """A namespace is gone."""
        self._queues.namespaces.drop(name)
        self.backlog.rehome(name)

    def change(self, key: Key, priority: int) -> None:
        """Let another priority count for a Task, if it waits."""
        self.backlog.change(key, priority)

    def follow(self, task: Task, decision: Decision | None, policy: Policy) -> None:
        """Take in where a Task stands and what was decided about it."""
        key, state, backlog = task.key, task.status.state, self.backlog
        if state in _HOLDING or (state is State.PENDING and isinstance(decision, Placed)):
            if backlog.holds(key, task.queue):
                backlog.drop(key)
            else:
                backlog.hold(key, task.queue, _requests(task, decision, resolve(task, policy)))
            return
        backlog.release(key)
        if key not in backlog:
            return
        if state is State.PENDING and not (task.deleting or task.suspend or task.cancel):
            self.join(task, policy)
        else:
            backlog.drop(key)

    def forget(self, key: Key) -> None:
        """The Task is gone."""
        self.backlog.release(key)
        self.backlog.drop(key)


def begun(task: Task) -> float:
    """Since when the Task could have been placed."""
    return max(waiting_since(task), task.status.not_before or 0.0)


def _requests(task: Task, decision: Decision | None, template: Template | None) -> Quantities:
    """What it requests of its node; nothing when its type's worker is gone."""
    if template is None:
        return {}
    if task.status.state in _HOLDING:
        return assigned(template, task.status).requests
    learned = decision.learned.requests if isinstance(decision, Placed) else {}
    return {**template.declared, **learned}
