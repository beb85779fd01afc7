"""A claim holds when the intervals say so, and is told when they do not."""

from __future__ import annotations

from typing import Any

from bench.placement.claims import claims


def told(ours: float, rival: str, sd: float = 0.1) -> dict[str, bool]:
    rows = {
        "LoadAware": {"mean": ours, "sd": sd},
        "KubeScheduler": {"mean": 1.2, "sd": 0.2},
        "oracle": {"mean": 1.0, "sd": 0.1},
    }
    beside: dict[str, Any] = {
        name: {"total_mean": {"verdict": verdict}}
        for name, verdict in (("LoadAware", "level"), ("KubeScheduler", rival), ("oracle", "better"))
    }
    return {claim.text.split(",")[0][:20]: claim.holds for claim in claims({"half-75": rows}, {"half-75": beside})}


def test_what_holds_and_what_does_not() -> None:
    """The oracle is no rival: it may be better."""
    assert all(told(1.009, "worse").values())
    assert told(1.009, "level") == {
        "no rival is better": True,
        "every rival is worse": False,
        "regret to the oracle": True,
        "node load deviates a": True,
    }
    assert not any(told(1.2, "better", 0.15).values())


def test_more_is_claimed_only_where_requests_are_too_small() -> None:
    """Where they are right, being level is enough."""
    rows = {name: {"mean": 1.0, "sd": 0.1} for name in ("LoadAware", "KubeScheduler", "oracle")}
    beside = {name: {"total_mean": {"verdict": "level"}} for name in rows}
    assert all(claim.holds for claim in claims({"right-75": rows}, {"right-75": beside}))
