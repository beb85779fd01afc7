"""What Pods use by cAdvisor's counters: rates, peaks, and only our own containers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.metering import KubeletReading
from loadstar.runtime.ports import Forbidden, Unavailable
from loadstar.sources.containers import CPU, PEAK, WORKING, Containers, figures
from loadstar.sources.kubelet import Proxied
from tests.unit.sources.doubles import FakeWeb, nodes

KEY = ("ns", "t-01234-0-1")


def line(
    family: bytes, value: str, second: int = 0, container: str = "worker", pod: str = KEY[1], name: str = "c"
) -> str:
    labels = f'container="{container}",id="/kubepods/x",image="busybox",name="{name}",namespace="ns",pod="{pod}"'
    more = 'cpu="total",' if family == CPU else ""
    return f"{family.decode()}{{{more}{labels}}} {value} {1767225600000 + second * 1000}\n"


def body(*lines: str) -> bytes:
    """Families stand together, each below its words."""
    parts = []
    for family in (CPU, PEAK, WORKING):
        own = [item for item in lines if item.startswith(family.decode() + "{")]
        parts.append(f"# HELP {family.decode()} words\n# TYPE {family.decode()} counter\n" + "".join(own))
    return "".join(parts).encode() + b"# HELP z\n"


def answer(second: int, seconds: float, peak: float = 90, working: float = 40) -> bytes:
    return body(line(CPU, str(seconds), second), line(PEAK, str(peak), second), line(WORKING, str(working), second))


def source(web: FakeWeb) -> Containers:
    return Containers(Proxied("https://api", web), KubeletReading())


async def test_counters_and_rates() -> None:
    """The first reading has no rate; the same time again is nothing new."""
    web = FakeWeb({"a/proxy/metrics/cadvisor": answer(10, 1.0)})
    containers = source(web)
    first = (await containers.read(nodes("a")))[KEY]
    assert (first.cpu, first.cpu_seconds, first.memory, first.peak) == (None, 1.0, 40, 90)
    assert await containers.read(nodes("a")) == {}
    web.answers["a/proxy/metrics/cadvisor"] = answer(20, 6.0, peak=0)
    second = (await containers.read(nodes("a")))[KEY]
    assert (second.cpu, second.window, second.peak) == (500, 10, None)


async def test_one_node_that_is_away_holds_up_no_other() -> None:
    """But when none answers that is said, so that another source can stand in."""
    web = FakeWeb({"a/proxy/metrics/cadvisor": answer(10, 1.0), "b/proxy/metrics/cadvisor": Forbidden("no")})
    containers = source(web)
    assert set(await containers.read(nodes("a", "b"))) == {KEY}
    with pytest.raises(Unavailable, match="b: no"):
        await containers.read(nodes("b"))
    assert await containers.read({}) == {}


def test_only_our_containers_count() -> None:
    """Sidecars, sandboxes and what is no number are passed over; of two containers the later one holds."""
    found = figures(
        body(
            line(CPU, "1", 10),
            line(CPU, "9", 20, container="istio-proxy"),
            line(CPU, "9", 20, container="", pod="sandbox"),
            line(CPU, "NaN", 20, pod="odd"),
            line(CPU, "-1", 20, pod="negative"),
            line(CPU, "1e99", 20, pod="huge"),
            line(CPU, "2", 30),
        ),
        CPU,
        1e14,
    )
    assert found == {KEY: (1767225630.0, 2.0)}


def test_a_pod_stands_in_for_its_container() -> None:
    """Some kubelets tell of Pods alone; where there is a container, the Pod with its sandbox does not count."""
    whole = line(CPU, "3", 40, container="", name="")
    assert figures(body(whole, line(CPU, "7", 50, container="", pod="", name="")), CPU, 1e14) == {
        KEY: (1767225640.0, 3)
    }
    assert figures(body(whole, line(CPU, "1", 10)), CPU, 1e14) == {KEY: (1767225610.0, 1.0)}


@given(st.binary(max_size=300))
def test_whatever_answers_is_read(noise: bytes) -> None:
    """Noise is no figure and no fault."""
    for text in (noise, b"\n" + CPU + b"{" + noise):
        assert all(value >= 0 for _, value in figures(text, CPU, 1e14).values())
