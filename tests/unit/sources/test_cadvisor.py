"""A kubelet's /metrics/cadvisor: recorded from v1.37.2 on cgroup v1 while a Pod wrote all the disk takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.sources.cadvisor import read

RECORDED = (Path(__file__).with_name("recorded") / "cadvisor.txt").read_bytes()
LINE = (
    '\ncontainer_blkio_device_usage_total{{device="{device}",id="{id}",major="8",minor="0",operation="{what}"}} {value}'
)


def text(*lines: str) -> bytes:
    return ("# TYPE container_blkio_device_usage_total counter" + "".join(lines) + "\n# HELP x y\n").encode()


def line(
    value: str = "1", time: str = " 1795605696594", what: str = "Read", cgroup: str = "/", device: str = "a"
) -> str:
    return LINE.format(value=value, what=what, id=cgroup, device=device) + time


def test_recorded() -> None:
    """The root cgroup is the node; Read and Write are disjoint and all: Total has the discards in it."""
    assert read(RECORDED) == {"254:0:/dev/vda": (1795605696.594, 56963072 + 518664192)}


def test_busy_seconds_are_not_read() -> None:
    """CAdvisor's io_time of a file system is in other units than its name says: it must not pass for a share."""
    assert b"container_fs_io_time_seconds_total" in RECORDED
    assert read(b"\n".join(item for item in RECORDED.split(b"\n") if b"blkio" not in item)) == {}


def test_only_the_node_counts() -> None:
    """A Pod's own lines are in the node's already; each device stands for itself."""
    body = text(line("5"), line("7", what="Write"), line("100", cgroup="/kubepods"), line("9", device="b"))
    assert read(body) == {"8:0:a": (1795605696.594, 12.0), "8:0:b": (1795605696.594, 9.0)}


@pytest.mark.parametrize("bad", [line("NaN"), line("-1"), line("+Inf"), line("x"), line(time=""), line(what="Sync")])
def test_nonsense_is_passed_over(bad: str) -> None:
    """No number, no time, or another operation: such a line is none, and the next one is read."""
    assert read(text(bad, line("3"))) == {"8:0:a": (1795605696.594, 3.0)}


@given(st.binary(max_size=200), st.text(max_size=50), st.text(max_size=20))
def test_any_text_is_read(body: bytes, labels: str, value: str) -> None:
    """Whatever a kubelet prints gives finite counters or none."""
    crafted = f'\ncontainer_blkio_device_usage_total{{id="/",{labels}}} {value} 1795605696594\n'
    for found in (read(body), read(crafted.encode("utf-8", "replace") + body)):
        assert all(moved >= 0 for _, moved in found.values())
