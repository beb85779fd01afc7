"""What is taken for the use of a Pod, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from loadstar.core.classes import Use
from loadstar.runtime.ports import Unavailable
from loadstar.sources.pod_uses import PATH, PodUses


class Reader:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.paths: list[str] = []

    async def get(self, path: str) -> Any:
        self.paths.append(path)
        return self.answer


def item(name: str, *usages: dict[str, str], timestamp: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ns", "name": name},
        "timestamp": timestamp,
        "window": "15s",
        "containers": [{"name": str(number), "usage": usage} for number, usage in enumerate(usages)],
    }


async def test_containers_are_added_up_and_read_once() -> None:
    """Millicores and bytes of all containers; a measurement that was read before teaches nothing new."""
    reader = Reader({"items": [item("a", {"cpu": "50m", "memory": "1Ki"}, {"cpu": "1", "memory": "1Ki"})]})
    uses = PodUses(reader)
    assert await uses.read({}) == {("ns", "a"): Use(1050, 2048, None, 1767225600.0, 15)}
    assert await uses.read({}) == {}
    assert reader.paths == [PATH, PATH]
    assert PATH.endswith("/pods?labelSelector=loadstar.dev%2Ftask-uid")


@pytest.mark.parametrize(
    "odd",
    [
        item("b"),
        item("b", {"cpu": "1"}),
        item("b", {"cpu": "-1", "memory": "1"}),
        item("b", {"cpu": "NaN", "memory": "1"}),
        item("b", {"cpu": "1", "memory": "1"}, timestamp="never"),
        {"metadata": {}},
        7,
    ],
)
async def test_nonsense_about_one_pod_spares_the_others(odd: Any) -> None:
    """What is no measurement is left out."""
    answer = {"items": [odd, item("a", {"cpu": "1", "memory": "1"})]}
    assert list(await PodUses(Reader(answer)).read({})) == [("ns", "a")]


async def test_no_list_is_no_answer() -> None:
    """An answer of another kind is an error, not an idle cluster."""
    with pytest.raises(Unavailable, match="without a list"):
        await PodUses(Reader({})).read({})
