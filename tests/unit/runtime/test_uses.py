"""Reading what Pods use: what is learned, and that its absence stops nothing."""

from __future__ import annotations

from collections.abc import Mapping

from loadstar.core.classes import Use
from loadstar.core.model import Phase, TaskStatus
from loadstar.core.states import State
from loadstar.runtime.ports import Unavailable
from loadstar.runtime.store import Key, Store
from loadstar.runtime.uses import Uses
from tests.unit.core.builders import GI, NOW, pod, task, view
from tests.unit.runtime.fakes import FakeClock


class Source:
    name = "test"

    def __init__(self) -> None:
        self.away = False

    async def read(self) -> Mapping[Key, Use]:
        if self.away:
            raise Unavailable("away")
        return {("ns", "t-01234-0-1"): Use(50, GI, None, NOW, 15)}


async def test_what_is_read_is_learned() -> None:
    """And a source that is away leaves what was learned."""
    store, source = Store(), Source()
    store.apply_node(view("a").node)
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))
    store.apply_pod(pod(Phase.RUNNING, requests={"cpu": 100, "memory": GI}, started=NOW - 60))
    uses = Uses(source, store, FakeClock())
    await uses.read()
    learned = store.snapshot(NOW).habits
    assert [habit.cpu for habit in learned.values()] == [0.5]
    source.away = True
    await uses.read()
    assert store.snapshot(NOW).habits == learned
