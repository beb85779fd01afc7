"""Prometheus as a source of load: each reading tests its queries."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from loadstar.core.metering import PrometheusReading, Queries
from loadstar.core.model import Load, Sample
from loadstar.runtime.ports import ClusterError, Forbidden, Misconfigured, NotFound, Unavailable
from loadstar.sources.prometheus import DEFAULTS, Prometheus, query
from tests.unit.sources.doubles import FakeWeb, Taken, nodes

SETTINGS = PrometheusReading(
    url="https://prometheus/base/", queries=Queries("cpu?", "memory?", "io?[$window]", "load1?", "pressure?")
)


def vector(*values: tuple[str, Any]) -> bytes:
    result = [{"metric": {"instance": name}, "value": [1000.0, str(value)]} for name, value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


async def test_each_resource_has_its_query() -> None:
    """One sample a node and query. Its time is a scrape before the query's: so old may be what it is made of."""
    web = FakeWeb(
        {
            "cpu?": vector(("a", 2)),
            "memory?": vector(("a", 5)),
            "io?[60s]": vector(("a", 0.5)),
            "load1?": vector(("a", 7)),
            "pressure?": vector(("a", 0.25)),
        }
    )
    taken = Taken()
    source = Prometheus(web, SETTINGS, ("cpu", "memory", "io", "load1", "io_pressure"))
    verdict = await source.read(nodes("a"), taken)
    assert (verdict.ready, verdict.message) == (True, "each query returns one sample for each Ready node")

    def sample(value: float, window: float) -> Sample:
        return Sample(value, 985.0, window, "prometheus")

    assert taken.of("a") == Load(sample(2, 60), sample(5, 0), sample(0.5, 60), sample(7, 60), sample(0.25, 60))
    assert set(web.asked) == {"https://prometheus/base/api/v1/query"}
    assert web.forms[0] == {"query": "cpu?", "timeout": "10s", "lookback_delta": "60s"}


async def test_what_is_not_one_sample_is_none() -> None:
    """Of a node with two series or with NaN there is no sample rather than a wrong one; the message names all of it."""
    web = FakeWeb({"cpu?": vector(("a", 1), ("b", 1), ("b:9100", 9), ("c", "NaN"), ("10.0.0.3:1", 2), ("x", 3))})
    taken = Taken()
    verdict = await Prometheus(web, SETTINGS, ("cpu",)).read(nodes("a", "b", "c", "d"), taken)
    assert taken.names() == {"a"}
    assert (verdict.ready, verdict.reason) == (False, "QueryMismatch")
    assert verdict.message == (
        "query cpu returns one sample each for 1 of 4 Ready nodes, none for d, several for b, c, such as "
        '{instance="b:9100"}, 1 series name no node by node or instance, such as {instance="x"}'
    )


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (Unavailable("400: parse error"), "QueryFails", "query ioPressure is refused: parse error"),
        (Unavailable("no answer within 10 s"), "NoAnswer", "https://prometheus/base/: no answer within 10 s"),
        (Unavailable("503: warming up"), "NoAnswer", "503: warming up"),
        (Forbidden("401: who are you"), "Forbidden", "401: who are you"),
        (NotFound("404: nothing here"), "NotServed", "is not Prometheus: 404: nothing here"),
        (Misconfigured("no file with a token"), "Misconfigured", "no file with a token"),
    ],
)
async def test_a_refusal_is_told_apart(error: ClusterError, reason: str, words: str) -> None:
    """A wrong query, a wrong address, no right and no answer are four things to mend; the other query still counts."""
    web = FakeWeb({"cpu?": vector(("a", 1)), "pressure?": error})
    taken = Taken()
    verdict = await Prometheus(web, SETTINGS, ("cpu", "io_pressure")).read(nodes("a"), taken)
    assert (verdict.ready, verdict.reason) == (False, reason)
    assert words in verdict.message
    assert taken.of("a").cpu is not None


async def test_the_same_trouble_is_said_once() -> None:
    """Five queries to a server that is away are one sentence."""
    web = FakeWeb(dict.fromkeys(("cpu?", "memory?"), Unavailable("connection refused")))
    verdict = await Prometheus(web, SETTINGS, ("cpu", "memory")).read(nodes("a"), Taken())
    assert verdict.message == "https://prometheus/base/: connection refused"


async def test_a_slow_query_holds_up_no_other() -> None:
    """What has come is taken while another query is still being answered."""
    gate = asyncio.Event()

    async def late() -> bytes:
        await gate.wait()
        return vector(("a", 5))

    taken = Taken()
    web = FakeWeb({"cpu?": vector(("a", 1)), "memory?": late})
    reading = asyncio.create_task(Prometheus(web, SETTINGS, ("cpu", "memory")).read(nodes("a"), taken))
    await asyncio.sleep(0.02)
    assert taken.of("a").cpu is not None
    gate.set()
    assert (await reading).ready


def test_every_resource_has_a_default() -> None:
    """What the policy does not say is asked by the operator's own queries, with the window filled in."""
    plain = PrometheusReading(url="http://x", window_seconds=90)
    for resource in ("cpu", "memory", "io", "load1", "io_pressure"):
        assert "$" not in query(plain, resource)
    assert "[90s]" in query(plain, "cpu")
    assert DEFAULTS.keys() == {"cpu", "memory", "io", "load1", "io_pressure"}
