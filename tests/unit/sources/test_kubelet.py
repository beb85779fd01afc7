"""Kubelets as a source of load: many at once, each for itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from loadstar.core.metering import KubeletReading
from loadstar.runtime.ports import Forbidden, Unavailable
from loadstar.sources.kubelet import Direct, Kubelet, Proxied
from tests.unit.sources.doubles import Answer, FakeWeb, Taken, node, nodes
from tests.unit.sources.test_cadvisor import line, text
from tests.unit.sources.test_summary import pressure

RATE = 20 * 2**20


def summary(name: str = "a", second: int = 0, cpu: float = 0.0, **more: Any) -> bytes:
    time = f"2026-01-01T00:00:{second:02}Z"
    zero = pressure(0, 0)
    return json.dumps(
        {
            "node": {
                "nodeName": name,
                "cpu": {"time": time, "usageCoreNanoSeconds": int(cpu * 1e9), "usageNanoCores": 7, **zero},
                "memory": {"time": time, "workingSetBytes": 2**30, **zero},
                "io": {"time": time, **(more.get("io") or zero)},
            }
        }
    ).encode()


def blkio(second: int, moved: float) -> bytes:
    return text(line(str(moved), time=f" {1767225600000 + second * 1000}"))


def kubelet(web: FakeWeb, *resources: str, **settings: Any) -> Kubelet:
    return Kubelet(Proxied("https://api", web), KubeletReading(**settings), resources or ("cpu", "memory"))


async def test_cpu_is_the_counters_own_rate() -> None:
    """From two readings: growth over the time that the kubelet tells. The first one knows memory alone."""
    web = FakeWeb({"only_cpu_and_memory=true": summary(second=10, cpu=5)})
    source, first, second = kubelet(web), Taken(), Taken()
    assert (await source.read(nodes("a"), first)).ready
    assert first.of("a").cpu is None
    web.answers["only_cpu_and_memory=true"] = summary(second=30, cpu=25)
    await source.read(nodes("a"), second)
    cpu, memory = second.of("a").cpu, second.of("a").memory
    assert cpu is not None
    assert memory is not None
    assert (cpu.value, cpu.window, cpu.timestamp, cpu.source) == (1.0, 20.0, 1767225630.0, "kubelet")
    assert (memory.value, memory.window) == (2**30, 0)
    assert web.asked[0] == "https://api/api/v1/nodes/a/proxy/stats/summary?only_cpu_and_memory=true"


async def test_live_pressure_is_io() -> None:
    """Where PSI is live it is both the I/O and its pressure, and nothing else is asked for."""
    web = FakeWeb({"/stats/summary": summary(io=pressure(9, 40))})
    taken = Taken()
    assert (await kubelet(web, "io", disk_bytes_per_second=RATE).read(nodes("a"), taken)).ready
    load = taken.of("a")
    assert load.io is not None
    assert (load.io.value, load.io.source, load.io_pressure) == (0.4, "kubelet psi", load.io)
    assert len(web.asked) == 1


async def test_without_pressure_bytes_are_io() -> None:
    """All-zero PSI is absent: then the bytes that the busiest disk moves are a share of what it can, at most all."""
    web = FakeWeb({"/stats/summary": summary(), "/metrics/cadvisor": blkio(0, 0)})
    source = kubelet(web, "io", disk_bytes_per_second=RATE)
    found = []
    for second, moved in ((0, 0), (10, 5 * RATE), (20, 50 * RATE)):
        web.answers["/metrics/cadvisor"] = blkio(second, moved)
        taken = Taken()
        assert (await source.read(nodes("a"), taken)).ready
        found.append(taken.of("a").io)
        assert taken.of("a").io_pressure is None
    assert [None if io is None else (io.value, io.window, io.source) for io in found] == [
        None,
        (0.5, 10.0, "kubelet blkio"),
        (1.0, 10.0, "kubelet blkio"),
    ]


@pytest.mark.parametrize(
    ("settings", "answer", "words"),
    [
        ({}, b"", "diskBytesPerSecond is not set"),
        ({"disk_bytes_per_second": 1}, b"", "neither live PSI nor blkio counters"),
        ({"disk_bytes_per_second": 1}, Forbidden("403: no"), "see loadSources.kubelet in the chart's values"),
    ],
)
async def test_unknown_io_is_said_and_the_rest_is_taken(settings: Any, answer: Answer, words: str) -> None:
    """Neither PSI nor counters: I/O is unknown, the verdict says why, and memory is measured all the same."""
    web = FakeWeb({"/stats/summary": summary(), "/metrics/cadvisor": answer})
    taken = Taken()
    verdict = await kubelet(web, "io", "memory", **settings).read(nodes("a"), taken)
    assert (verdict.ready, verdict.reason, taken.of("a").io) == (False, "IOUnknown", None)
    assert words in verdict.message
    assert taken.of("a").memory is not None


async def test_pressure_alone_needs_live_psi() -> None:
    """Bytes moved are no pressure: where that is asked for and PSI is off, it is said."""
    verdict = await kubelet(FakeWeb({"/stats/summary": summary()}), "io_pressure").read(nodes("a"), Taken())
    assert (verdict.ready, verdict.message) == (
        False,
        "I/O is unknown on 1 of 1 Ready nodes; a: no live PSI, so no pressure",
    )


async def test_one_node_holds_up_no_other() -> None:
    """A node that hangs, refuses, or answers nonsense: the others' samples are taken before it is given up."""
    taken = Taken()

    async def hang() -> bytes:
        await asyncio.sleep(60)
        return b""

    async def fault() -> bytes:
        raise RuntimeError("a fault of ours")

    web = FakeWeb(
        {
            "/a/proxy/stats/summary?only_cpu_and_memory=true": hang,
            "/b/proxy/stats/summary?only_cpu_and_memory=true": b"nonsense",
            "/c/proxy/stats/summary?only_cpu_and_memory=true": Unavailable("connection refused"),
            "/d/proxy/stats/summary?only_cpu_and_memory=true": fault,
            "/e/proxy/stats/summary?only_cpu_and_memory=true": summary("e"),
        }
    )
    reading = asyncio.create_task(kubelet(web, timeout_seconds=0.2).read(nodes(*"abcde"), taken))
    await asyncio.sleep(0.05)
    assert taken.names() == {"e"}
    assert not reading.done()
    verdict = await reading
    assert (verdict.ready, verdict.reason) == (False, "NodesMissing")
    assert verdict.message.startswith("1 of 5 Ready nodes answered; ")
    assert "a: no answer within 0.2 s" in verdict.message
    assert "b: its /stats/summary is no JSON" in verdict.message
    assert "c: connection refused" in verdict.message


async def test_so_many_at_a_time_and_all_in_the_end() -> None:
    """Two thousand kubelets are asked, never more than the policy allows at once; messages stay short."""
    many = nodes(*(f"n{number}" for number in range(2000)))
    web = FakeWeb({f"/{name}/proxy/stats/summary?only_cpu_and_memory=true": Unavailable("down") for name in many})
    verdict = await kubelet(web, concurrency=17).read(many, Taken())
    assert (web.most, len(web.asked)) == (17, 2000)
    assert verdict.message == "0 of 2000 Ready nodes answered; n0, n1, n10, n100, n1000 and 1995 more: down"


async def test_a_node_that_comes_back_begins_anew() -> None:
    """What was counted on a node that left says nothing about one of the same name."""
    web = FakeWeb({"only_cpu_and_memory=true": summary(second=10, cpu=5)})
    source, taken = kubelet(web), Taken()
    await source.read(nodes("a"), Taken())
    await source.read({}, Taken())
    web.answers["only_cpu_and_memory=true"] = summary(second=30, cpu=25)
    await source.read(nodes("a"), taken)
    assert taken.of("a").cpu is None


async def test_direct_asks_the_node_itself() -> None:
    """By its InternalIP and port; one that tells none is said to."""
    web = FakeWeb({"/stats/summary?only_cpu_and_memory=true": summary()})
    source = Kubelet(Direct(web), KubeletReading(), ["cpu"])
    verdict = await source.read({"a": node("a", "10.0.0.7"), "b": node("b")}, Taken())
    assert web.asked == ["https://10.0.0.7:10250/stats/summary?only_cpu_and_memory=true"]
    assert verdict.message == "1 of 2 Ready nodes answered; b: the node tells no InternalIP"
