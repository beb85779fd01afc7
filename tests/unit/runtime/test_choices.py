"""What is kept of choices beyond the node in the status."""

from __future__ import annotations

from dataclasses import replace

from loadstar.core.model import TaskStatus
from loadstar.core.placement import Placed
from loadstar.core.states import State
from loadstar.runtime.choices import Choices
from tests.unit.core.builders import task

CHOSEN = replace(Placed("a", None, (), "m", fresh=True), others=("b",))


def test_others_hold_for_the_node_they_were_chosen_with() -> None:
    """A Pod names other nodes only beside the one that the status locks, and only until it runs."""
    choices = Choices()
    assigned = task(TaskStatus(state=State.ASSIGNED, assigned_to="a"))
    choices.note(assigned.key, CHOSEN)
    assert choices.others(assigned) == ("b",)
    assert choices.others(task(TaskStatus(state=State.ASSIGNED, assigned_to="c"))) == ()
    choices.follow(task(TaskStatus(state=State.RUNNING, assigned_to="a")), None)
    assert choices.others(assigned) == ()


def test_who_is_left_to_kube_scheduler_is_counted_until_it_runs_or_goes() -> None:
    """Decided or assigned without a node counts once; running somewhere, or being gone, ends that."""
    choices = Choices()
    left = Placed(None, None, (), "m", fresh=False)
    choices.follow(task(), left)
    choices.follow(task(TaskStatus(state=State.ASSIGNED)), None)
    assert choices.unpinned == 1
    choices.follow(task(TaskStatus(state=State.RUNNING, assigned_to="a")), None)
    assert choices.unpinned == 0
    choices.follow(task(), left)
    choices.forget(task().key)
    assert choices.unpinned == 0
