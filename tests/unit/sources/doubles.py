"""Nodes and a web for tests of load sources."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from loadstar.core.model import Load, Node
from loadstar.runtime.ports import ClusterError
from tests.unit.core.builders import ALLOCATABLE

Answer = bytes | ClusterError | Callable[[], Awaitable[bytes]]


def node(name: str, address: str = "") -> Node:
    return Node(
        name,
        "1",
        ready=True,
        unschedulable=False,
        labels={},
        taints=(),
        allocatable=ALLOCATABLE,
        addresses=(address,) if address else (),
        kubelet=f"{address}:10250" if address else "",
    )


def nodes(*names: str) -> dict[str, Node]:
    return {name: node(name, f"10.0.0.{number}") for number, name in enumerate(names, 1)}


class Taken:
    """Keeps what a source hands over, in order."""

    def __init__(self) -> None:
        self.batches: list[Mapping[str, Load]] = []

    async def __call__(self, loads: Mapping[str, Load]) -> None:
        self.batches.append(loads)

    def of(self, name: str) -> Load:
        """The samples of one node, whichever batches they came in."""
        load = Load(None, None, None)
        for batch in self.batches:
            new = batch.get(name, load)
            load = Load(
                new.cpu or load.cpu,
                new.memory or load.memory,
                new.io or load.io,
                new.load1 or load.load1,
                new.io_pressure or load.io_pressure,
            )
        return load

    def names(self) -> set[str]:
        return {name for batch in self.batches for name in batch}


class FakeWeb:
    """Answers by the end of the URL, or by what a form asks; counts how many requests are under way at once."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []
        self.forms: list[Mapping[str, str]] = []
        self.most = 0
        self._now = 0

    async def get(self, url: str, *, seconds: float, most: int) -> bytes:
        return await self._answer(url, next((key for key in self.answers if url.endswith(key)), ""))

    async def post(self, url: str, form: Mapping[str, str], *, seconds: float, most: int) -> bytes:
        self.forms.append(form)
        return await self._answer(url, form["query"])

    async def close(self) -> None:
        return

    async def _answer(self, url: str, key: str) -> bytes:
        self.asked.append(url)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await asyncio.sleep(0)
            answer = self.answers[key]
            if isinstance(answer, ClusterError):
                raise answer
            return answer if isinstance(answer, bytes) else await answer()
        finally:
            self._now -= 1
