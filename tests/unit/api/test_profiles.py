"""TaskProfiles as objects: the same profile after it was written and read, bounded, and safe from odd ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstar.api.profiles import document, read
from loadstar.api.resources import amounts_of, exact
from loadstar.core.learning import rule
from loadstar.core.profile import Moments, Profile
from loadstar.core.quantity import amount
from tests.unit.core.builders import GI, NOW
from tests.unit.core.test_profile import after, run, usage

MI = 2**20


def known(sizes: list[float]) -> Profile:
    return after(*[run(usage=usage(cpu=number * 7.3, memory=size)) for number, size in enumerate(sizes)])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(MI, 2**40), min_size=1, max_size=40))
def test_a_profile_comes_back(sizes: list[float]) -> None:
    """What follows from it is the same; only what is shorter than a second or a millionth is not kept."""
    profile = replace(known(sizes), early=3, ooms=1, unmeasured=2)
    again, written = read(document("ns", "c", profile, NOW + 0.4))
    assert written == NOW
    assert rule(again) == rule(profile)
    for name in ("image", "runs", "unmeasured", "ooms", "sized", "early", "declared", "seen"):
        assert getattr(again, name) == getattr(profile, name), name
    assert again.cpu.mean == pytest.approx(profile.cpu.mean, abs=0.001)
    assert again.run_seconds.mean == profile.run_seconds.mean


def test_it_is_for_people() -> None:
    """Quantities as people write them, and what a Task would ask for."""
    status = document("ns", "c", known([100.0 * MI] * 6), NOW)["status"]
    assert status["requests"] == {"cpu": "20m", "memory": "117Mi"}
    assert status["declared"] == {"cpu": "1", "memory": "1Gi"}
    assert status["cpu"] == {"mean": 0.01825, "deviation": 0.012467, "count": 6}
    assert status["runSeconds"]["mean"] == 60
    assert document("ns", "c", known([MI]), NOW)["status"].get("requests") is None


def test_it_is_bounded() -> None:
    """Whatever was seen."""
    spread = known([1.02**n for n in range(50, 1500)])
    huge = replace(spread, cpu=Moments(2**31 - 1, 1e8, 1e16), saved_cpu=1e300, saved_memory=1e300)
    raw = orjson.dumps(document("ns", "c", huge, NOW))
    assert len(raw) < 20_000
    read(orjson.loads(raw))


@pytest.mark.parametrize(
    "change",
    [
        {"runs": -1},
        {"runs": "many"},
        {"cpu": {"mean": -5, "count": 9}},
        {"cpu": {"mean": 1}},
        {"cpu": []},
        {"peaks": [{"bytes": 0, "weight": 1}]},
        {"peaks": [{"bytes": 5, "weight": -1}]},
        {"peaks": [{"bytes": 5, "weight": 1}] * 300},
        {"memory": {"count": 9}},
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any]) -> None:
    """Somebody wrote it by hand: it is as good as none."""
    raw = document("ns", "c", known([100.0 * MI] * 6), NOW)
    raw["status"] |= change
    with pytest.raises(ValueError, match=r".+"):
        read(raw)


def test_an_empty_object_knows_nothing() -> None:
    """It is no fault."""
    assert read({}) == (Profile(), 0.0)


def test_peaks_without_a_count_are_not_believed() -> None:
    """Nor a count without peaks."""
    raw = document("ns", "c", known([100.0 * MI] * 6), NOW)
    del raw["status"]["peaks"]
    assert "memory" not in rule(read(raw)[0]).requests


@given(st.sampled_from(["cpu", "memory"]), st.integers(0, 2**53))
def test_quantities_are_exact(name: str, value: int) -> None:
    """They say neither more nor less, and what is none is not there."""
    assert amount(name, exact(name, value)) == value
    assert amounts_of({name: exact(name, value), "gpu": "1"}) == {name: value}
    assert amounts_of({name: "lots"}) == amounts_of(None) == {}
    assert exact("memory", GI) == "1Gi"
