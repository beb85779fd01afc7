"""The store: newest wins, ends are remembered while they matter, promises count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadstar.core.classes import Use
from loadstar.core.instructions import Wait
from loadstar.core.model import Attempt, Phase, TaskStatus
from loadstar.core.placement import Placed
from loadstar.core.prediction import predict
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from loadstar.core.view import NodeState, Refusal
from loadstar.runtime.notes import WRITES_PER_SECOND, Notes
from loadstar.runtime.store import Store
from tests.unit.core.builders import GI, NOW, load, pod, task, view

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


def test_what_an_ended_pod_leaves_in_samples_is_known_after_a_restart() -> None:
    """A store that begins anew reads it from the Pod: the same as in one that saw the Pod run; the room is free."""
    old, new = Store(), Store()
    ended = pod(
        Phase.SUCCEEDED, requests={"cpu": 1000, "memory": GI}, started=NOW - 60, finished=NOW - 5, resource_version="9"
    )
    for store in (old, new):
        store.apply_node(view("a").node)
        store.apply_loads({"a": load(2, GI)})
        store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))
    old.apply_pod(pod(Phase.RUNNING, requests={"cpu": 1000, "memory": GI}, started=NOW - 60))
    for store in (old, new):
        store.apply_pod(ended)
        seen = store.snapshot(NOW).nodes["a"]
        assert predict(seen, store.policy, NOW).cpu.reserved == -0.25
        assert seen.requested == {}
        store.remove_pod("pod-1")
        assert predict(seen, store.policy, NOW).cpu.reserved == -0.25


def test_what_pods_are_measured_to_use_is_learned_by_class() -> None:
    """A Pod's measured use is its class's: the next Task of that template is expected to use as much of its request."""
    store = Store()
    store.apply_node(view("a").node)
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))
    store.apply_pod(pod(Phase.RUNNING, requests={"cpu": 100, "memory": GI}, started=NOW - 60))
    store.apply_uses({("ns", "t-01234-0-1"): Use(50, GI / 2, None, NOW, 15), ("ns", "another"): Use(1, 1, 1, NOW, 15)})
    store.apply_task(task(uid="next", name="next"))
    store.decide(("ns", "next"), Placed("a", None, (), "", fresh=True))
    assert store.snapshot(NOW).nodes["a"].reservations["next"].cpu == 50


def test_nodes_as_good_are_remembered_until_the_pod_runs() -> None:
    """From the decision over the write of the lock to the Pod; of another node than the written one nothing is said."""
    store = Store()
    store.apply_task(task())
    store.decide(KEY, Placed("a", None, (), "", fresh=True, others=("b", "c")))
    store.apply_task(task(TaskStatus(state=State.ASSIGNED, attempt=1, assigned_to="a"), resource_version="2"))

    def others() -> tuple[str, ...]:
        seen = store.view(KEY)
        assert seen is not None
        return seen.others

    assert others() == ("b", "c")
    store.apply_task(task(TaskStatus(state=State.ASSIGNED, attempt=2, assigned_to="b"), resource_version="3"))
    assert others() == ()


def test_where_a_task_is_and_was() -> None:
    """Decided, assigned or running it is there; ended it was there, which is near and not apart."""
    store = Store()
    assert store.node_of(KEY, now=False) == ""
    store.apply_task(task())
    store.decide(KEY, Placed("a", None, (), "", fresh=True))
    assert store.node_of(KEY, now=True) == "a"
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="b"), resource_version="2"))
    assert store.node_of(KEY, now=True) == "b"
    store.apply_task(task(TaskStatus(state=State.SUCCESS, attempt=1, assigned_to="b"), resource_version="3"))
    assert (store.node_of(KEY, now=True), store.node_of(KEY, now=False)) == ("", "b")
    assert store.apply_node(replace(view("b").node, ready=False)) == ()
    assert store.apply_node(view("b").node) == (), "what has ended has nothing to do when its node changes"


def test_pods_without_a_node_are_counted() -> None:
    """From the decision on, once each, until they run or their Task is gone."""
    store = Store()
    store.apply_task(task())
    store.decide(KEY, Placed(None, None, (), "", fresh=True))
    assert store.unpinned == 1
    store.apply_task(task(TaskStatus(state=State.ASSIGNED, attempt=1), resource_version="2"))
    assert store.unpinned == 1
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="b"), resource_version="3"))
    assert store.unpinned == 0
    store.apply_task(task(TaskStatus(state=State.ASSIGNED, attempt=2), resource_version="4"))
    store.remove_task(KEY, "0123456789")
    assert store.unpinned == 0


def test_a_node_that_fails_tasks_is_known_by_their_records() -> None:
    """Read from Tasks alone, so also after a restart: three failures there, a success of their class elsewhere."""
    store = Store()
    for name in "ab":
        store.apply_node(view(name).node)
    for number in range(3):
        failed = Attempt(1, "a", "p", Reason.WORKER_FAILED, started=NOW - 9, finished=NOW - 8 + number)
        store.apply_task(task(TaskStatus(attempts=(failed,)), name=f"f{number}", uid=f"f{number}"))
    assert not store.snapshot(NOW).nodes["a"].failing
    store.apply_task(task(TaskStatus(state=State.SUCCESS, assigned_to="b"), name="s", uid="s"))
    nodes = store.snapshot(NOW).nodes
    assert (nodes["a"].failing, nodes["b"].failing) == (True, False)


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


def test_a_disowned_pod_is_forgotten_when_gone() -> None:
    """It is of no attempt of its Task: when it has gone, or had when it was read about, nothing of it stays."""
    for late in (pod(Phase.RUNNING), pod(Phase.RUNNING, gone=True)):
        store = Store()
        store.apply_task(task())
        store.apply_pod(late)
        store.apply_pod(replace(late, disowned=True), confirmed=True)
        store.remove_pod(late.uid)
        view = store.view(("ns", "t"))
        assert view is not None
        assert view.pods == ()


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
    later = sorted(answer for answer in answers if answer)
    assert later == pytest.approx([(number + 1) / WRITES_PER_SECOND for number in range(80)])
    assert notes.take(("ns", str(answers.index(later[-1]))), wait, "Queued", 205 + later[-1]) == 0, "its turn has come"


def test_a_pod_is_ours_by_name_and_owner() -> None:
    """A Pod of another namespace or name, or without our owner, gives a Task no state, whatever its labels say."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))
    for one in (
        pod(Phase.SUCCEEDED, uid="1", namespace="other"),
        pod(Phase.SUCCEEDED, uid="2", name="impostor-0-1"),
        pod(Phase.SUCCEEDED, uid="3", altered=True),
    ):
        store.apply_pod(one)
    seen = store.view(KEY)
    assert seen is not None
    assert seen.pods == ()


def test_a_pod_that_is_known_stays_ours_when_its_marks_are_altered() -> None:
    """An owner that was taken off or changed is noted, and the Pod still counts."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))
    store.apply_pod(pod(Phase.RUNNING))
    store.apply_pod(pod(Phase.RUNNING, task_uid="another", resource_version="6"))
    seen = store.view(KEY)
    assert seen is not None
    assert [(one.uid, one.altered) for one in seen.pods] == [("pod-1", True)]


def test_pods_without_a_task_are_found_by_its_name() -> None:
    """What is left of a Task that is gone is known as orphans until it is gone too, or the Task is seen."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1)))
    store.apply_pod(pod(Phase.RUNNING, task_name="t"))
    store.remove_task(KEY, "0123456789")
    assert [one.uid for one in store.orphans(KEY)] == ["pod-1"]
    store.apply_task(task(uid="new", resource_version="9"))
    assert [one.uid for one in store.orphans(KEY)] == ["pod-1"]
    store.remove_pod("pod-1")
    assert store.orphans(KEY) == ()
    assert store.orphan_keys() == []
    early = Store()
    early.apply_pod(pod(Phase.RUNNING, task_name="t"))
    assert early.orphans(KEY)
    early.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1)))
    assert early.orphans(KEY) == ()


def test_only_a_node_that_was_known_can_be_gone() -> None:
    """A node that was never seen may just not have been told yet; one that disappeared is gone until it returns."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))

    def state() -> NodeState:
        seen = store.view(KEY)
        assert seen is not None
        return seen.node_state

    assert state() is NodeState.READY
    store.apply_node(view("a").node)
    assert store.remove_node("a") == (KEY,)
    assert state() is NodeState.GONE
    assert store.apply_node(replace(view("a").node, ready=False)) == (KEY,)
    assert state() is NodeState.NOT_READY


def test_an_ended_task_is_kept_small() -> None:
    """Of a Task that has ended only what its time to live and its Pods need is kept."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.SUCCESS, attempt=1, completed=5.0, message="long"), ttl_seconds=9))
    kept = store.tasks[KEY]
    assert (kept.worker, kept.status.message) == (None, "")
    assert (kept.ttl_seconds, kept.status.completed) == (9, 5.0)


def test_an_answer_that_comes_late_takes_nothing_back() -> None:
    """The answer to a write or a live read may arrive after a newer event: the newer one stands."""
    store = Store()
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))
    store.apply_pod(pod(Phase.RUNNING))
    store.apply_pod(pod(Phase.SUCCEEDED, resource_version="8"))
    store.apply_pod(pod(Phase.RUNNING, resource_version="7"), confirmed=True)
    seen = store.view(KEY)
    assert seen is not None
    assert seen.pods[0].phase is Phase.SUCCEEDED
    store.remove_pod("pod-1")
    store.apply_pod(pod(Phase.RUNNING, resource_version="9"), confirmed=True)
    back = store.view(KEY)
    assert back is not None
    assert not back.pods[0].gone


def test_a_refusal_ends_with_its_attempt() -> None:
    """Once the Task is known to wait again, whoever wrote that, the next attempt of that number is tried afresh."""
    store = Store()
    assigned = TaskStatus(state=State.ASSIGNED, attempt=1, assigned_to="a")
    store.apply_task(task(assigned))
    store.refuse(KEY, Refusal(1, invalid=False, message="quota"))
    store.apply_task(task(TaskStatus(), resource_version="2"))
    store.apply_task(task(assigned, resource_version="3"))
    seen = store.view(KEY)
    assert seen is not None
    assert seen.refusal is None
