"""A load source in memory, behind the runtime's port."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from loadstar.core.coverage import Verdict
from loadstar.core.model import Load, Node
from loadstar.runtime.ports import Take

WELL = Verdict(True, "Measured", "all is well")


class FakeSource:
    """Gives `loads` at each reading and `answer` as the verdict, which may be an error."""

    pause = 0.0

    def __init__(self, loads: Mapping[str, Load] | None = None, answer: Verdict | Exception = WELL) -> None:
        self.loads = dict(loads or {})
        self.answer = answer
        self.before: Callable[[], object] = lambda: None
        self.asked: list[set[str]] = []
        self.closed = 0

    async def read(self, nodes: Mapping[str, Node], take: Take) -> Verdict:
        self.asked.append(set(nodes))
        self.before()
        if isinstance(self.answer, Exception):
            raise self.answer
        await take(self.loads)
        return self.answer

    async def close(self) -> None:
        self.closed += 1
