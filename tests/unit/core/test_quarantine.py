"""Nodes that fail Tasks at once, told from Tasks that fail everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from loadstar.core.model import Attempt, Task, TaskStatus
from loadstar.core.quarantine import MOST_DOUBLINGS, Quarantine
from loadstar.core.reasons import Reason
from loadstar.core.states import State
from tests.unit.core.builders import NOW, task


def failed(number: int, ended: float, node: str = "a", **fields: Any) -> Task:
    changes = {"reason": Reason.WORKER_FAILED, "started": ended - 1, **fields}
    return task(TaskStatus(attempts=(Attempt(1, node, "p", finished=ended, **changes),)), uid=f"f{number}")


def succeeded(node: str) -> Task:
    return task(TaskStatus(state=State.SUCCESS, assigned_to=node), uid=f"s-{node}")


def judged(*tasks: Task, book: Quarantine | None = None, name: str = "c") -> dict[str, float]:
    found: dict[str, float] = {}
    for item in tasks:
        found |= (book or BOOK).read(item, name)
    return found


BOOK = Quarantine()


def three(at: float = NOW, **fields: Any) -> list[Task]:
    return [failed(int(at) + number, at + number, **fields) for number in range(3)]


@pytest.mark.parametrize("first", [True, False])
def test_three_failures_of_what_succeeds_elsewhere(first: bool) -> None:
    """Two minutes from the third on, in whatever order the records are read, as after a restart."""
    tasks = [succeeded("b"), *three()] if first else [*three(), succeeded("b")]
    assert judged(*tasks, book=Quarantine()) == {"a": NOW + 2 + 120}


def test_what_fails_everywhere_closes_no_node() -> None:
    """Without a success on another node the fault may be the Task's; one on the same node says nothing for it."""
    assert judged(*three(), succeeded("a"), book=Quarantine()) == {}
    book = Quarantine()
    judged(succeeded("b"), book=book, name="another class")
    assert judged(*three(), book=book) == {}


def test_slow_failures_and_old_ones_do_not_count() -> None:
    """A Task that ran for minutes did start; three failures in a day are a day's failures; an eviction is none."""
    for tasks in (
        three(started=NOW - 100),
        three(reason=Reason.DISRUPTED),
        [failed(number, NOW + 61 * number) for number in range(6)],
        three()[:2],
    ):
        assert judged(succeeded("b"), *tasks, book=Quarantine()) == {}


def test_the_same_record_counts_once() -> None:
    """A Task is seen with every change of it, its earlier attempts again."""
    assert judged(succeeded("b"), *[failed(1, NOW)] * 9, book=Quarantine()) == {}


def test_again_is_longer() -> None:
    """Each quarantine soon after the last is twice as long, up to a limit; after a quiet hour it is short again."""
    book, at = Quarantine(), NOW
    judged(succeeded("b"), book=book)
    lengths = []
    for _ in range(MOST_DOUBLINGS + 2):
        until = judged(*three(at), book=book)["a"]
        lengths.append((until - at - 2) / 60)
        assert judged(*three(at), book=book) == {}, "what was judged is not judged again"
        at = until + 10
    assert lengths == [2, 4, 8, 16, 32, 64, 64, 64]
    assert judged(*three(at + 4000), book=book)["a"] == at + 4000 + 2 + 120
