"""The LoadScore and the share of a sample that does not contain a Pod yet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.model import NodeClass, Sample, Weights
from loadstar.core.policy import Policy
from loadstar.core.reservations import Reservation, unseen
from loadstar.core.scoring import normalised, score
from tests.unit.core.builders import GI, NOW, load, view

SHARES = st.floats(0, 2, allow_nan=False)


@pytest.mark.parametrize(
    ("started", "share"),
    [(None, 1.0), (NOW + 1, 1.0), (NOW, 1.0), (NOW - 5, 2 / 3), (NOW - 15, 0.0), (NOW - 99, 0.0)],
)
def test_a_reservation_fades_as_the_sample_catches_up(started: float | None, share: float) -> None:
    """A Pod counts with the part of the sample's window in which it did not run."""
    assert unseen(Reservation(100, 100, started=started), NOW, 15) == pytest.approx(share)


def test_io_unknown_leaves_its_weight_to_the_others() -> None:
    """Unknown I/O is never idle I/O: its weight is shared, and the score says so."""
    weights = normalised(Weights(0.5, 0.3, 0.2), io_known=False)
    assert (weights.cpu, weights.memory, weights.io) == pytest.approx((0.625, 0.375, 0.0))


def test_formula_of_the_score() -> None:
    """With I/O measured the score is 0.5·cpu + 0.3·memory + 0.2·io."""
    node = view("a")
    node.load = load(2.0, 4 * GI, 0.25)
    result = score(node, None, policy=Policy(), weights=Weights(), prefers=(), now=NOW)
    assert result.total == pytest.approx(0.5 * 0.5 + 0.3 * 0.5 + 0.2 * 0.25)
    assert result.node_class is NodeClass.COLD


def test_no_sample_is_unknown_and_requests_stand_in() -> None:
    """A node without a fresh sample is Unknown, at the share of it that is requested."""
    for node in (view("a", cpu=None, requested={"cpu": 2000}), view("a", requested={"cpu": 2000})):
        if node.load:
            node.load = load(0.4, GI, timestamp=NOW - 181)
        result = score(node, None, policy=Policy(), weights=Weights(), prefers=(), now=NOW)
        assert (result.node_class, result.cpu) == (NodeClass.UNKNOWN, 0.5)


def test_each_resource_has_an_age_of_its_own() -> None:
    """Stale I/O is unknown I/O, whatever CPU and memory are; the score's age is that of the older of those two."""
    node = view("a")
    node.load = replace(load(1, GI, 0.5), io=Sample(0.5, NOW - 181, 15, "test"), memory=Sample(GI, NOW - 60, 0, "test"))
    result = score(node, None, policy=Policy(), weights=Weights(), prefers=(), now=NOW)
    assert (result.io, result.sample_age, result.node_class) == (None, 60, NodeClass.COLD)


@given(cpu=SHARES, memory=SHARES, more=st.floats(0, 1))
def test_more_load_is_never_better(cpu: float, memory: float, more: float) -> None:
    """Score and rank never fall when a node's load rises."""

    def of(share: float) -> tuple[float, float]:
        result = score(view("a", share, memory), None, policy=Policy(), weights=Weights(), prefers=(), now=NOW)
        return result.total, result.rank

    low, high = of(cpu), of(cpu + more)
    assert low[0] <= high[0] + 1e-9
    assert low[1] <= high[1] + 1e-9
