"""metrics.k8s.io as a source of load."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadstar.core.model import Load, Sample
from loadstar.runtime.ports import NotFound, Unavailable
from loadstar.sources.metrics_server import PATH, MetricsServer, duration
from tests.unit.sources.doubles import FakeWeb, Taken, nodes


def item(name: str, cpu: str = "250m", memory: str = "1Gi", window: str = "15s") -> dict[str, Any]:
    usage = {"cpu": cpu, "memory": memory}
    return {"metadata": {"name": name}, "timestamp": "2026-01-01T00:00:00Z", "window": window, "usage": usage}


def web(*items: Any) -> FakeWeb:
    return FakeWeb({PATH: json.dumps({"items": items}).encode()})


async def test_a_sample_is_cores_bytes_and_time() -> None:
    """CPU in cores over the window, memory in bytes at its end; I/O is unknown, not zero."""
    taken = Taken()
    verdict = await MetricsServer("https://api", web(item("a", "123456789n"))).read(nodes("a"), taken)
    at = 1767225600.0
    assert taken.of("a") == Load(
        Sample(0.123456789, at, 15.0, "metrics-server"), Sample(2**30, at, 0, "metrics-server"), None
    )
    assert (verdict.ready, verdict.reason) == (True, "Measured")


async def test_nonsense_about_one_node_spares_the_others() -> None:
    """NaN, negative, absurd, missing and zero memory are no samples; the rest is read, and who is missing is said."""
    bad = [item("n", "NaN"), item("m", "-1"), item("z", memory="0"), item("x", "1e9"), {"metadata": {"name": "e"}}, 1]
    taken = Taken()
    verdict = await MetricsServer("https://api", web(*bad, item("good"))).read(nodes("n", "good"), taken)
    assert taken.names() == {"good"}
    assert (verdict.ready, verdict.reason) == (False, "NodesMissing")
    assert verdict.message == "metrics.k8s.io has 1 of 2 Ready nodes, not n"


async def test_a_sample_is_read_once() -> None:
    """A source that is read more often than it measures has nothing new to tell; that is no fault of it."""
    fake = web(item("a"))
    source = MetricsServer("https://api", fake)
    for moment, new in (
        ("2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:00Z", False),
        ("2026-01-01T00:00:15Z", True),
    ):
        fake.answers[PATH] = json.dumps({"items": [item("a") | {"timestamp": moment}]}).encode()
        taken = Taken()
        assert (await source.read(nodes("a"), taken)).ready
        assert (taken.names() == {"a"}) is new


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"", b'{"items": {}}', b"null"])
async def test_no_list_is_no_answer(answer: bytes) -> None:
    """An answer of another shape is an error, never an empty cluster."""
    with pytest.raises(Unavailable):
        await MetricsServer("https://api", FakeWeb({PATH: answer})).read({}, Taken())


async def test_a_cluster_without_metrics_is_told_so() -> None:
    """404 means that nobody serves metrics.k8s.io, and what to do."""
    with pytest.raises(NotFound, match="install metrics-server"):
        await MetricsServer("https://api", FakeWeb({PATH: NotFound("404")})).read({}, Taken())


@pytest.mark.parametrize(
    ("text", "seconds"), [("15.062s", 15.062), ("1m0s", 60), ("500ms", 0.5), (None, 30), ("x", 30)]
)
def test_durations(text: str | None, seconds: float) -> None:
    """Go's durations; nonsense counts as the usual window."""
    assert duration(text) == pytest.approx(seconds)
