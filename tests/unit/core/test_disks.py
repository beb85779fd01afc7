"""What classes take of a node's I/O is learned from samples of nodes alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.classes import class_of
from loadstar.core.disks import change, shift, taught
from loadstar.core.ledger import Ledger
from loadstar.core.model import Load, Sample, Worker
from loadstar.core.nodes import Charge
from loadstar.core.policy import Policy
from loadstar.core.reservations import Reservation
from tests.unit.core.builders import GI, NOW, view


def io(value: float, timestamp: float = NOW, window: float = 15.0, source: str = "kubelet") -> Sample:
    return Sample(value, timestamp, window, source)


def test_a_pod_shifts_by_what_the_later_sample_has_more_of_it() -> None:
    """One that started in the middle of the later window is half in it; one that ended before it has left wholly."""
    before, after = io(0.1, NOW), io(0.3, NOW + 15)
    assert shift(Reservation(100, GI, started=NOW + 7.5), before, after) == pytest.approx(0.5)
    assert shift(Reservation(100, GI, started=NOW - 100), before, after) == 0
    assert shift(Reservation(100, GI, started=NOW - 100, finished=NOW), before, after) == pytest.approx(-1)
    assert shift(Reservation(100, GI), before, after) == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (io(0.1), io(0.3)),
        (io(0.1), io(0.3, NOW - 1)),
        (io(0.1), io(0.97, NOW + 15)),
        (io(0.97), io(0.1, NOW + 15)),
        (io(0.1), io(0.3, NOW + 15, source="prometheus")),
    ],
)
def test_a_change_that_says_nothing_teaches_nothing(before: Sample, after: Sample) -> None:
    """Such as between a sample and an older one, of a disk that is full, or of two sources."""
    assert change(before, after) is None


@given(
    st.dictionaries(st.sampled_from("abc"), st.floats(0, 1)),
    st.floats(-1, 1),
    st.dictionaries(st.sampled_from("abc"), st.floats(-20, 20), min_size=1),
)
def test_what_is_believed_stays_a_share_and_gets_no_worse(
    known: dict[str, float], changed: float, shifts: dict[str, float]
) -> None:
    """A share is 0 to 1, whatever was measured; the change that taught is explained at least as well after it, unless
    what would explain it is no share.
    """
    found = taught(known, changed, shifts)
    assert all(0 <= value <= 1 for value in found.values())
    if found and all(0 < value < 1 for value in found.values()):

        def wrong(believed: dict[str, float]) -> float:
            return abs(changed - sum(believed.get(name, 0.0) * each for name, each in shifts.items()))

        assert wrong(known | found) <= wrong(known) + 1e-9


def test_few_that_came_or_went_teach_nothing() -> None:
    """A change with a third of a Pod is one of others."""
    assert taught({}, 0.5, {"a": 0.3}) == {}


def test_the_ledger_learns_which_class_does_io() -> None:
    """Pods of two classes come to nodes on which others do I/O too; from the nodes' samples alone one class is known to
    take 0.2 and the other next to nothing, and a new Pod of the first is expected to.
    """
    dice, book, policy = random.Random(1), Ledger(), Policy()
    heavy, light = (Worker(name.encode(), {"cpu": 100, "memory": GI}) for name in ("heavy", "light"))
    for number in range(10):
        book.put_node(view(f"n{number}").node)
    counts = [0] * 10
    for step in range(60):
        now = NOW + 15 * step
        for number in range(10):
            name, others = f"n{number}", 0.1 + dice.uniform(-0.03, 0.03)
            sample = io(others + 0.2 * counts[number], now)
            book.put_loads({name: Load(Sample(1, now, 15, "t"), Sample(GI, now, 0, "t"), sample)})
            if step % 4 == 0:
                worker = dice.choice([heavy, light])
                book.put(f"{name}-{step}", Charge(name, {}, book.expected("", {}, now), class_of(worker)))
                counts[number] = int(worker is heavy)
            elif step % 4 == 2:
                book.end(f"{name}-{step - 2}", now)
                counts[number] = 0
    book.snapshot(policy, NOW + 900)
    assert book.expected(class_of(heavy), {}).io == pytest.approx(0.2, abs=0.05)
    assert book.expected(class_of(light), {}).io < 0.05
