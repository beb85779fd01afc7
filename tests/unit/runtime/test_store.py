"""The store: newest wins, ends are remembered while they matter, promises count."""

from __future__ import annotations

from loadstar.core.instructions import Wait
from loadstar.core.model import Phase, TaskStatus
from loadstar.core.placement import Placed
from loadstar.core.states import State
from loadstar.runtime.notes import WRITES_PER_SECOND, Notes
from loadstar.runtime.store import Store
from tests.unit.core.builders import NOW, pod, task, view

KEY = ("ns", "t")


def test_an_older_event_changes_nothing() -> None:
    """A late echo must not undo what is known; versions compare as numbers."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1), resource_version="10"))
    assert store.apply_task(task(resource_version="9")) == ()
    assert store.tasks[KEY].status.state is State.RUNNING


def test_the_same_name_anew_is_another_task() -> None:
    """A new uid replaces all that was known of the old one."""
    store = Store()
    store.apply_task(task(resource_version="10"))
    store.decide(KEY, Placed("a", None, (), "", fresh=True))
    store.apply_task(task(uid="other", resource_version="2"))
    assert store.tasks[KEY].uid == "other"
    assert KEY not in store.decisions


def test_the_end_of_a_vanished_pod_is_remembered_until_it_is_written() -> None:
    """A Pod that is gone stays visible to decisions until its attempt is closed."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))
    store.apply_pod(pod(Phase.RUNNING))
    store.remove_pod("pod-1", pod(Phase.SUCCEEDED, resource_version="6"))
    seen = store.view(KEY)
    assert seen is not None
    assert seen.pods[0].gone
    store.apply_task(task(TaskStatus(state=State.SUCCESS, attempt=1), resource_version="9"))
    store.settle(KEY)
    after = store.view(KEY)
    assert after is not None
    assert after.pods == ()


def test_a_promise_counts_once_from_decision_to_pod() -> None:
    """Decided, assigned, created: the room is taken all the way, and never twice."""
    store = Store()
    store.apply_node(view("a").node)
    store.apply_task(task())
    store.decide(KEY, Placed("a", None, (), "", fresh=True))
    assert store.snapshot(NOW).nodes["a"].requested["cpu"] == 100
    store.apply_task(task(TaskStatus(state=State.ASSIGNED, attempt=1, assigned_to="a"), resource_version="2"))
    assert store.snapshot(NOW).nodes["a"].requested["cpu"] == 100
    store.apply_pod(pod(requests={"cpu": 100, "memory": 1}))
    assert store.snapshot(NOW).nodes["a"].requested["cpu"] == 100
    store.apply_pod(pod(Phase.SUCCEEDED, requests={"cpu": 100}, resource_version="6"))
    store.apply_task(task(TaskStatus(state=State.SUCCESS, attempt=1), resource_version="3"))
    assert store.snapshot(NOW).nodes["a"].requested == {}


def test_other_pods_take_room() -> None:
    """Somebody else's requests count, and stop counting."""
    store = Store()
    store.apply_node(view("a").node)
    store.apply_other("x", "a", {"cpu": 300})
    assert store.snapshot(NOW).nodes["a"].requested == {"cpu": 300, "pods": 1}
    store.remove_other("x")
    assert store.snapshot(NOW).nodes["a"].requested == {}


def test_a_pod_of_another_attempt_is_dropped_when_gone() -> None:
    """Only the open attempt's end is worth remembering."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=2)))
    store.apply_pod(pod())
    store.remove_pod("pod-1", pod(resource_version="9"))
    seen = store.view(KEY)
    assert seen is not None
    assert seen.pods == ()


def test_wait_reasons_are_written_late_once_and_slowly() -> None:
    """Only a reason that lasted and is news is written, and never more than so many a second."""
    notes = Notes()
    wait = Wait("WaitingForCapacity", "m")
    assert notes.take(KEY, wait, "Queued", 100.0) == 5.0
    assert notes.take(KEY, wait, "Queued", 105.0) == 0
    assert notes.take(KEY, wait, "WaitingForCapacity", 106.0) == -1
    for number in range(100):
        notes.take(("ns", str(number)), wait, "Queued", 200.0)
    answers = [notes.take(("ns", str(number)), wait, "Queued", 205.0) for number in range(100)]
    assert answers.count(0) == WRITES_PER_SECOND
