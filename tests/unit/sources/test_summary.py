"""A kubelet's /stats/summary: recorded from v1.37.2 on cgroup v1, where PSI is all zero, and otherwise made."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.model import Sample
from loadstar.sources.summary import GOOD_WINDOW, LEAST_WINDOW, Counter, read

RECORDED = Path(__file__).with_name("recorded") / "summary.json"
AT = 1795605696.0

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
PSI = st.fixed_dictionaries({}, optional={"some": JSON, "full": JSON})
PART = (
    st.fixed_dictionaries(
        {},
        optional={
            "time": st.sampled_from(["2026-01-01T00:00:00Z", "", "now", "9999-12-31T23:59:59-23:59"]) | JSON,
            "usageCoreNanoSeconds": JSON,
            "workingSetBytes": JSON,
            "psi": PSI | JSON,
        },
    )
    | JSON
)
NODE = st.fixed_dictionaries({"nodeName": st.just("a")}, optional={"cpu": PART, "memory": PART, "io": PART})


def recorded(**node: Any) -> bytes:
    document = json.loads(RECORDED.read_text())
    for name, change in node.items():
        document["node"][name] |= change
    return json.dumps(document).encode()


def pressure(total: int, avg10: float) -> dict[str, Any]:
    """PSI as the kubelet's API type has it."""
    data = {"total": total, "avg10": avg10, "avg60": 1.0, "avg300": 1.0}
    return {"psi": {"some": data, "full": data}}


def test_recorded() -> None:
    """CPU seconds until a time, the working set at a time. All-zero PSI totals are absent, not idle."""
    figures = read(recorded(), "node-1")
    assert figures.cpu is not None
    assert figures.cpu == pytest.approx((AT, 1.138776194))
    assert figures.memory == Sample(
        json.loads(RECORDED.read_text())["node"]["memory"]["workingSetBytes"], AT, 0, "kubelet"
    )
    assert figures.pressure is None


def test_live_pressure_is_avg10() -> None:
    """One total that is not zero proves PSI: then no pressure on I/O is an idle disk, and avg10 is percent."""
    assert read(recorded(io=pressure(5, 12.5)), "node-1").pressure == Sample(0.125, AT, 10, "kubelet psi")
    assert read(recorded(cpu=pressure(5, 3)), "node-1").pressure == Sample(0.0, AT, 10, "kubelet psi")


def test_absurd_values_are_none() -> None:
    """Pressure of 250 % and a negative working set are no samples; what else is in the answer stands."""
    figures = read(recorded(io=pressure(5, 250), memory={"workingSetBytes": -1}), "node-1")
    assert (figures.pressure, figures.memory) == (None, None)
    assert figures.cpu is not None


def test_another_node_answers_for_nobody() -> None:
    """An address may have gone to another node meanwhile: its figures are not this one's."""
    with pytest.raises(ValueError, match="another node answers there: node-1"):
        read(recorded(), "node-0")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"node": 1}', b"404 page not found", b"\xff"])
def test_what_is_no_summary_is_refused(body: bytes) -> None:
    """Whatever else answers there."""
    with pytest.raises(ValueError, match=r"."):
        read(body, "a")


@given(NODE)
def test_any_summary_gives_finite_samples_or_none(stats: dict[str, Any]) -> None:
    """However odd a kubelet's answer, what is taken from it can be reckoned with."""
    figures = read(json.dumps({"node": stats}).encode().replace(b"NaN", b"1").replace(b"Infinity", b"1"), "a")
    for sample in (figures.memory, figures.pressure):
        assert sample is None or math.isfinite(sample.value)


def test_a_rate_is_the_counters_growth_over_its_own_time() -> None:
    """The first point gives none; the same point again gives none; later ones the mean in between."""
    counter = Counter()
    assert counter.add(100, 50) is None
    assert counter.add(100, 50) is None
    assert counter.add(110, 55) == (0.5, 10)


def test_a_rate_reaches_back_far_enough() -> None:
    """Times are whole seconds: the window is the shortest of at least 14 s, once there is one."""
    counter = Counter()
    found = [counter.add(100 + 5 * step, step) for step in range(6)]
    assert [None if rate is None else rate[1] for rate in found] == [None, 5, 10, 15, 15, 15]


def test_a_counter_that_fell_begins_anew() -> None:
    """After a reboot, and after a clock was set back, no rate is made of what was before."""
    counter = Counter()
    counter.add(100, 50)
    assert counter.add(110, 3) is None
    assert counter.add(120, 13) == (1.0, 10)
    assert counter.add(60, 14) is None
    assert counter.add(70, 24) == (1.0, 10)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e12)), max_size=40))
def test_a_rate_is_never_negative(points: list[tuple[float, float]]) -> None:
    """Whatever order points come in, a rate is finite, not negative, and over a window that says something."""
    counter = Counter()
    for time, value in points:
        found = counter.add(time, value)
        if found is not None:
            rate, window = found
            assert math.isfinite(rate)
            assert rate >= 0
            assert window >= LEAST_WINDOW
    assert GOOD_WINDOW > LEAST_WINDOW
