"""Kept pairs become rows, differences and claims, beside what the simulator made of the same traces."""

from __future__ import annotations

from typing import Any

from bench.live.placement import summed
from bench.placement.claims import claims


def outcome(mean: float) -> dict[str, Any]:
    slow = dict.fromkeys(("mean", "p95", "p99", "total_mean", "total_p95", "total_p99"), mean)
    shares = dict.fromkeys(("failed", "total_failed", "sd", "hot", "load", "waited"), 0.1)
    return {"tasks": 10, **slow, **shares, "unfinished": 0, "refused": 0, "lost": 0}


def pair(live: tuple[float, float, float], simulated: tuple[float, float, float]) -> dict[str, Any]:
    names = ("LoadAware", "KubeScheduler", "RoundRobin")
    return {
        "policies": {name: {"outcome": outcome(mean)} for name, mean in zip(names, live, strict=True)},
        "twins": {name: outcome(mean) for name, mean in zip(names, simulated, strict=True)},
    }


def told(*pairs: dict[str, Any]) -> dict[str, tuple[bool, str]]:
    found = claims(*summed({"live-quarter-75": dict(enumerate(pairs))}))
    return {claim.text: (claim.holds, claim.because) for claim in found}


def test_what_the_simulator_says_comes_true() -> None:
    """Differences are of pairs: seeds may differ as they like."""
    simulated = (1.1, 1.2, 1.1)
    found = told(pair((1.1, 1.3, 1.1), simulated), pair((1.3, 1.49, 1.3), simulated), pair((1.2, 1.4, 1.2), simulated))
    assert all(holds for holds, _ in found.values())
    assert found["who is worse in the simulator is worse in the mean, the wait included"] == (True, "KubeScheduler")


def test_what_does_not_come_true_is_said() -> None:
    """A rival that is better live than it is simulated, and one that is no worse."""
    simulated = (1.1, 1.2, 1.2)
    found = told(*(pair((1.2 + step, 1.1 + step, 1.25 - step), simulated) for step in (0.0, 0.03, 0.06)))
    assert found["no rival is better, the wait included"] == (False, "KubeScheduler")
    text = "who is worse in the simulator is worse in the mean, the wait included"
    assert found[text] == (False, "KubeScheduler, RoundRobin")
    holds, because = found["the order of policies is that of the simulator"]
    assert not holds
    assert "KubeScheduler (total_mean)" in because


def test_rows_have_what_the_results_are_to_have() -> None:
    """And the differences of the simulator beside them."""
    rows, more = summed({"live-quarter-75": {1: pair((1.0, 1.1, 1.2), (1.0, 1.1, 1.3))}})
    assert set(rows["live-quarter-75"]["LoadAware"]) == {"mean", "p95", "p99", "total_mean", "sd", "ci95"}
    assert more["live-quarter-75"]["RoundRobin"]["simulated"]["total_mean"]["difference"] == 0.3
    assert more["live-quarter-75"]["RoundRobin"]["simulated"]["level"]["mean"] == 1.3
