"""What a kubelet's /stats/summary says of its node. Pure; see docs/load-sources.md for its traps.

Times in it are whole seconds. `usageNanoCores` is not read: it is a rate over a window that nobody tells.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from loadstar.api.times import parse_time
from loadstar.core.model import Sample
from loadstar.sources.samples import LONGEST_WINDOW, sample

NAME: Final = "kubelet"
PSI_NAME: Final = "kubelet psi"
PSI_WINDOW: Final = 10.0
"""avg10 is read: of `total` the documentation gives two units."""
LEAST_WINDOW: Final = 4.0
GOOD_WINDOW: Final = 14.0
"""Since times are whole seconds, a rate over so many has an error of at most a fourteenth."""
POINTS: Final = 16


@dataclass(frozen=True, slots=True)
class Figures:
    """One answer: CPU seconds used until a time, memory at a time, and PSI where it is live."""

    cpu: tuple[float, float] | None
    memory: Sample | None
    pressure: Sample | None


def read(body: bytes, node: str) -> Figures:
    """The figures of this node. Raises ValueError when the answer is none, or is another node's."""
    try:
        answer = orjson.loads(body)
    except ValueError as error:
        raise ValueError("its /stats/summary is no JSON") from error
    stats = answer.get("node") if isinstance(answer, dict) else None
    if not isinstance(stats, dict):
        raise ValueError("its /stats/summary has no node")  # noqa: TRY004 - bad data, not a bug
    if stats.get("nodeName") != node:
        raise ValueError(f"another node answers there: {str(stats.get('nodeName'))[:64]}")
    return Figures(_cpu(stats.get("cpu")), _memory(stats.get("memory")), _pressure(stats))


def _cpu(raw: Any) -> tuple[float, float] | None:
    time, used = _time(raw), _number(raw, "usageCoreNanoSeconds")
    return None if time is None or used is None else (time, used / 1e9)


def _memory(raw: Any) -> Sample | None:
    time, used = _time(raw), _number(raw, "workingSetBytes")
    return None if time is None or used is None else sample("memory", used, time, 0, NAME)


def _pressure(stats: dict[str, Any]) -> Sample | None:
    """PSI some of I/O. Totals that are all zero are what kubelets print where PSI is off: no idle node has them."""
    if not any(_totals(stats)):
        return None
    raw = stats.get("io")
    time = _time(raw)
    some = raw.get("psi", {}).get("some") if isinstance(raw, dict) and isinstance(raw.get("psi"), dict) else None
    average = _number(some, "avg10")
    if time is None or average is None:
        return None
    return sample("io", average / 100, time, PSI_WINDOW, PSI_NAME)


def _totals(stats: dict[str, Any]) -> Iterator[float]:
    for resource in ("cpu", "memory", "io"):
        raw = stats.get(resource)
        psi = raw.get("psi") if isinstance(raw, dict) else None
        for kind in ("some", "full"):
            yield _number(psi.get(kind) if isinstance(psi, dict) else None, "total") or 0.0


def _time(raw: Any) -> float | None:
    text = raw.get("time") if isinstance(raw, dict) else None
    return parse_time(text) if isinstance(text, str) else None


def _number(raw: Any, name: str) -> float | None:
    """A number of a JSON object; its range is judged where it becomes a sample."""
    value = raw.get(name) if isinstance(raw, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(slots=True)
class Counter:
    """The last points of a counter that only grows, for rates over at least `good` seconds once there are as many."""

    good: float = GOOD_WINDOW
    points: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=POINTS))

    def add(self, time: float, value: float) -> tuple[float, float] | None:
        """Take a point in; the mean rate a second until it, and over how many; None without an earlier one.

        A counter that fell or a clock that was set back begins anew.
        """
        if self.points and (time < self.points[-1][0] or value < self.points[-1][1]):
            self.points.clear()
        if self.points and time == self.points[-1][0]:
            return None
        while self.points and time - self.points[0][0] > LONGEST_WINDOW:
            self.points.popleft()
        earlier = [point for point in self.points if time - point[0] >= LEAST_WINDOW]
        self.points.append((time, value))
        if not earlier:
            return None
        good = [point for point in earlier if time - point[0] >= self.good]
        then, before = good[-1] if good else earlier[0]
        return (value - before) / (time - then), time - then
