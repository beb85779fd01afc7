"""Reading what Pods use: what is learned, and that its absence stops nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from loadstar.core.classes import Use
from loadstar.core.metering import KubeletReading, Metering, Source
from loadstar.core.model import Node, Phase, TaskStatus
from loadstar.core.states import State
from loadstar.runtime.ports import Unavailable
from loadstar.runtime.store import Key, Store
from loadstar.runtime.uses import Uses
from tests.unit.core.builders import GI, NOW, pod, task, view
from tests.unit.runtime.fakes import FakeClock


class Pods:
    """A source of Pods' use."""

    def __init__(self, name: str = "test", counted: float | None = None) -> None:
        self.name = name
        self.away = False
        self.closed = False
        self.asked: list[list[str]] = []
        self._counted = counted

    async def read(self, nodes: Mapping[str, Node]) -> Mapping[Key, Use]:
        self.asked.append(list(nodes))
        if self.away:
            raise Unavailable("away")
        return {("ns", "t-01234-0-1"): Use(50, GI, None, NOW, 15, 3.0, GI, self._counted)}

    async def close(self) -> None:
        self.closed = True


def world() -> Store:
    store = Store()
    for name in ("a", "b"):
        store.apply_node(view(name).node)
    store.apply_task(task(TaskStatus(state=State.RUNNING, attempt=1, assigned_to="a")))
    store.apply_pod(pod(Phase.RUNNING, requests={"cpu": 100, "memory": GI}, started=NOW - 60))
    return store


async def test_what_is_read_is_learned() -> None:
    """And a source that is away leaves what was learned. No kubelet is asked unless the policy names it."""
    store, source = world(), Pods()
    uses = Uses(source, lambda _: Pods(), store, FakeClock())
    await uses.read()
    learned = store.snapshot(NOW).habits
    assert [habit.cpu for habit in learned.values()] == [0.5]
    source.away = True
    await uses.read()
    assert store.snapshot(NOW).habits == learned


async def test_kubelets_are_asked_where_the_policy_names_them() -> None:
    """Those of nodes with our Pods, beside the usual source; either may be away; other settings, another source."""
    store, usual = world(), Pods("usual")
    built: list[Pods] = []

    def build(_: KubeletReading) -> Pods:
        built.append(Pods("kubelets", counted=NOW))
        return built[-1]

    uses = Uses(usual, build, store, FakeClock())
    store.policy = replace(store.policy, metering=Metering(pods=Source.KUBELET))
    await uses.read()
    assert built[0].asked == usual.asked == [["a"]]
    assert [habit.cpu for habit in store.snapshot(NOW).habits.values()] == [0.5]
    assert store.profiles._runs["pod-1"].counted == store.profiles._runs["pod-1"].until == NOW
    built[0].away = usual.away = True
    await uses.read()
    usual.away = False
    await uses.read()
    assert len(usual.asked) == 3
    store.policy = replace(store.policy, metering=Metering(pods=Source.KUBELET, kubelet=KubeletReading(concurrency=1)))
    await uses.read()
    assert [source.closed for source in built] == [True, False]
    store.policy = replace(store.policy, metering=Metering())
    await uses.read()
    assert built[1].closed
