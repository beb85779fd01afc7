"""metrics.k8s.io as a source of load."""

from __future__ import annotations

from typing import Any

import pytest

from loadstar.core.model import Load, Sample
from loadstar.runtime.ports import Unavailable
from loadstar.sources.metrics_server import MetricsServer, duration


class Reader:
    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    async def get(self, path: str) -> dict[str, Any]:
        assert path == "/apis/metrics.k8s.io/v1beta1/nodes"
        return self.answer


def item(name: str, cpu: str = "250m", memory: str = "1Gi", window: str = "15s") -> dict[str, Any]:
    usage = {"cpu": cpu, "memory": memory}
    return {"metadata": {"name": name}, "timestamp": "2026-01-01T00:00:00Z", "window": window, "usage": usage}


async def test_a_sample_is_cores_bytes_and_time() -> None:
    """CPU in cores over the window, memory in bytes at its end; I/O is unknown, not zero."""
    load = (await MetricsServer(Reader({"items": [item("a", "123456789n")]})).read())["a"]
    at = 1767225600.0
    assert load == Load(Sample(0.123456789, at, 15.0, "metrics-server"), Sample(2**30, at, 0, "metrics-server"), None)


async def test_nonsense_about_one_node_spares_the_others() -> None:
    """NaN, negative, missing and zero memory are no samples; the rest is read."""
    bad = [item("n", "NaN"), item("m", "-1"), item("z", memory="0"), {"metadata": {"name": "e"}}, item("good")]
    assert set(await MetricsServer(Reader({"items": bad})).read()) == {"good"}


async def test_a_sample_is_read_once() -> None:
    """A source that is read more often than it measures has nothing new to tell."""
    reader = Reader({"items": [item("a")]})
    source = MetricsServer(reader)
    assert set(await source.read()) == {"a"}
    assert await source.read() == {}
    reader.answer = {"items": [item("a") | {"timestamp": "2026-01-01T00:00:15Z"}]}
    assert set(await source.read()) == {"a"}


async def test_no_list_is_no_answer() -> None:
    """An answer of another shape is an error, never an empty cluster."""
    with pytest.raises(Unavailable):
        await MetricsServer(Reader({})).read()


@pytest.mark.parametrize(
    ("text", "seconds"), [("15.062s", 15.062), ("1m0s", 60), ("500ms", 0.5), (None, 30), ("x", 30)]
)
def test_durations(text: str | None, seconds: float) -> None:
    """Go's durations; nonsense counts as the usual window."""
    assert duration(text) == pytest.approx(seconds)
