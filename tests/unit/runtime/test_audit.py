"""The slow, full pass."""

from __future__ import annotations

from loadstar.core.model import TaskStatus
from loadstar.core.states import State
from loadstar.runtime.audit import Audit
from loadstar.runtime.store import Key, Store
from tests.unit.core.builders import pod, task
from tests.unit.runtime.fakes import FakeClock


async def test_everything_open_is_looked_at_again() -> None:
    """Open Tasks and Pods without one are queued; what has ended rests."""
    store = Store()
    store.apply_task(task())
    store.apply_task(task(TaskStatus(state=State.SUCCESS), name="done", uid="done"))
    store.apply_pod(pod(task_uid="gone", task_name="gone"))
    touched: list[Key] = []
    await Audit(store, touched.extend, FakeClock(), 600).audit()
    assert sorted(touched) == [("ns", "gone"), ("ns", "t")]
