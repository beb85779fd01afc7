"""What runs teach of their class, and what they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.model import Worker
from loadstar.core.profile import Moments, Profile, Run, learned, profile_name
from loadstar.core.usage import Usage
from tests.unit.core.builders import GI, NOW, task

MI = 2**20
DECLARED = {"cpu": 1000, "memory": GI}


def usage(cpu: float = 250, memory: float = 100 * MI, samples: int = 3) -> Usage:
    return Usage(samples, cpu, memory, None, 30, NOW)


def run(seen: float = NOW, image: str = "a", **fields: object) -> Run:
    base = Run(image, usage(), seen, DECLARED, DECLARED, run_seconds=60, start_seconds=2)
    return replace(base, **fields)  # type: ignore[arg-type] # fields by name


def after(*runs: Run) -> Profile:
    profile = None
    for one in runs:
        profile = learned(profile, one)
    assert profile is not None
    return profile


def test_a_run_teaches_use_and_times() -> None:
    """Mean and spread of CPU, peak memory, run time, start-up time; and what was declared last."""
    profile = after(run(), run(usage=usage(cpu=350)))
    assert (profile.runs, profile.sized, profile.unmeasured) == (2, 2, 0)
    assert profile.cpu.mean == 300
    assert profile.cpu.deviation == 50
    assert profile.run_seconds.mean == 60
    assert profile.start_seconds.mean == 2
    assert profile.declared == DECLARED
    assert profile.memory.largest == pytest.approx(100 * MI, rel=0.02)


def test_a_run_that_was_hardly_measured_teaches_nothing_of_use() -> None:
    """It is counted, and its times are known without samples."""
    profile = after(run(usage=usage(samples=1)))
    assert (profile.runs, profile.unmeasured, profile.cpu.count) == (0, 1, 0)
    assert profile.run_seconds.count == 1


def test_another_image_is_learned_anew() -> None:
    """Also where a label keeps the class the same."""
    profile = after(*[run()] * 7, run(image="b", usage=usage(cpu=900)))
    assert (profile.image, profile.runs, profile.cpu.mean) == ("b", 1, 900)


def test_a_kill_for_memory_has_memory_learned_anew() -> None:
    """CPU stays known; what the killed one wanted is the least of what is to come."""
    killed = run(oom=True, usage=usage(memory=300 * MI), requested={"cpu": 260, "memory": 120 * MI})
    profile = after(*[run()] * 9, killed)
    assert (profile.runs, profile.cpu.count, profile.sized, profile.ooms) == (9, 9, 0, 1)
    assert profile.memory.largest == pytest.approx(300 * MI, rel=0.02)


def test_what_was_spared_adds_up() -> None:
    """Core-seconds and byte-seconds between what was declared and asked for; more than declared spares nothing."""
    profile = after(run(requested={"cpu": 250, "memory": GI // 2}), run(requested={"cpu": 2000}))
    assert profile.saved_cpu == 0.75 * 60
    assert profile.saved_memory == GI // 2 * 60 + GI * 60


def test_the_recent_counts_most() -> None:
    """A class that changes its ways is known by its new ones, after some hundred runs."""
    profile = after(*[run(usage=usage(cpu=100))] * 300, *[run(usage=usage(cpu=900))] * 300)
    assert profile.cpu.mean > 700


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_moments_are_those_of_the_values(values: list[float]) -> None:
    """While they are few, mean and variance are the plain ones."""
    found = Moments()
    for value in values:
        found = found.add(value)
    mean = sum(values) / len(values)
    assert found.mean == pytest.approx(mean, rel=1e-6, abs=1e-6)
    assert found.variance == pytest.approx(sum((v - mean) ** 2 for v in values) / len(values), rel=1e-6, abs=1e-3)


ODD = st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 1.0, 1e9, 1e300])


@given(st.lists(st.tuples(ODD, ODD, ODD, ODD, st.booleans()), max_size=12))
def test_nonsense_teaches_nothing(odd: list[tuple[float, float, float, float, bool]]) -> None:
    """Whatever a source tells, what is known stays numbers from nothing to the largest."""
    profile = None
    for cpu, memory, took, start, oom in odd:
        one = run(usage=usage(cpu, memory), run_seconds=took, start_seconds=start, oom=oom)
        profile = learned(profile, one)
    if profile is not None:
        assert 0 <= profile.cpu.mean <= 1e8
        assert 0 <= profile.memory.largest <= 2**61
        assert 0 <= profile.run_seconds.mean <= 1e9
        assert 0 <= profile.saved_cpu < float("inf")


def test_the_class_is_worker_and_type_or_the_label() -> None:
    """It is fit for an object's name, whatever the label; the same everywhere and after every restart."""
    one, other = Worker(b'{"image":"a"}', {}), Worker(b'{"image":"b"}', {})
    assert profile_name(task(), one) == profile_name(task(), one) == "template-b5f09f38a3993fad"
    assert len({profile_name(task(), one), profile_name(task(), other), profile_name(task(type="t"), one)}) == 3
    assert profile_name(task(label="resize"), one) == profile_name(task(label="resize"), other) == "class-resize"
    named = {profile_name(task(label=label), one) for label in ("Resize", "resize", "re.size", "re_size")}
    assert len(named) == 4
    assert all(name.replace("-", "").isalnum() and name.islower() for name in named)
