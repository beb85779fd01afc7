"""What becomes of a watch on its way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from tests.faults.fault import Fault, Plan
from tests.faults.streams import GONE, Stream


class Content:
    """An upstream that sends these events and ends."""

    def __init__(self, *names: str) -> None:
        self.text = b"".join(line(name) for name in names)

    async def iter_any(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.text), 7):
            yield self.text[start : start + 7]


def line(name: str) -> bytes:
    kind = "BOOKMARK" if name == "bookmark" else "MODIFIED"
    return json.dumps({"type": kind, "object": name}, separators=(",", ":")).encode() + b"\n"


async def arrives(fault: str, *names: str) -> tuple[bytes, Stream]:
    """What the operator gets of three events."""
    got = bytearray()

    async def write(data: bytes) -> None:
        got.extend(data)

    stream = Stream("pods", Plan(Fault.parse(fault)), Counter(), write)
    await stream.run(cast("Any", Content(*names)))
    return bytes(got), stream


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("clean", line("a") + line("bookmark") + line("b") + line("c")),
        ("drop-pods-2", line("a") + line("bookmark") + line("c")),
        ("drop-tasks-2", line("a") + line("bookmark") + line("b") + line("c")),
        ("double-pods-1", line("a") + line("a") + line("bookmark") + line("b") + line("c")),
        ("swap-pods-2", line("a") + line("bookmark") + line("c") + line("b")),
        ("freeze-pods-1", line("a")),
        ("cut-pods-2", line("a") + line("bookmark") + line("b")[: len(line("b")) // 2]),
        ("gone-event-pods-1", line("a") + GONE),
        ("gone-http-pods-2", line("a") + line("bookmark") + line("b")),
    ],
)
async def test_events_are_hurt_as_asked(fault: str, expected: bytes) -> None:
    """Bookmarks are no events; another stream's fault is not this one's."""
    got, _ = await arrives(fault, "a", "bookmark", "b", "c")
    assert got == expected


async def test_the_next_watch_is_gone() -> None:
    """After gone-http the proxy has to refuse the next watch."""
    _, stream = await arrives("gone-http-pods-2", "a", "b")
    assert stream.gone_next
