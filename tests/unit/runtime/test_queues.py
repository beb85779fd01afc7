"""What is kept of TaskQueues."""

from __future__ import annotations

from loadstar.core.model import TaskStatus
from loadstar.core.queues import TaskQueue
from loadstar.core.states import State
from loadstar.runtime.queues import Queues
from tests.unit.core.builders import task

QUEUE = TaskQueue("ns", "q")
NAME = ("ns", "q")
ASSIGNED = TaskStatus(state=State.ASSIGNED)


def test_a_task_without_an_object_has_none() -> None:
    """What a Task names may not be there, or not any more."""
    queues = Queues()
    one = task(queue="q")
    assert queues.of(one) is None
    queues.put(QUEUE)
    assert queues.of(one) is QUEUE
    queues.drop(NAME)
    assert queues.of(one) is None


def test_only_what_changed_is_news() -> None:
    """A write of the status alone comes with the same generation and wakes nobody."""
    queues = Queues()
    assert queues.put(QUEUE)
    assert not queues.put(TaskQueue("ns", "q"))
    assert queues.put(TaskQueue("ns", "q", generation=2))


def test_admissions_are_steps_to_a_node() -> None:
    """Counted once for each step from PENDING to ASSIGNED, and only where there is an object to say it."""
    queues = Queues()
    queues.put(QUEUE)
    waiting, assigned = task(queue="q"), task(ASSIGNED, queue="q")
    queues.follow(None, assigned)
    queues.follow(waiting, waiting)
    assert queues.admitted[NAME] == 0
    queues.follow(waiting, assigned)
    queues.follow(assigned, assigned)
    queues.follow(task(), task(ASSIGNED))
    assert dict(queues.admitted) == {NAME: 1}
