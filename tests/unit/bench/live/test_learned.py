"""What is claimed of learned requests holds when the runs say so."""

from __future__ import annotations

from typing import Any

from bench.live.learned import claims, summed
from tests.unit.bench.live.test_placement import outcome


def kept(*runs: tuple[float, float, float], killed: int = 0) -> dict[int, dict[str, Any]]:
    names = ("Learned", "Declared", "kube")
    return {
        seed: {
            "policies": {
                name: {"outcome": outcome(mean), "killed": killed, "tasks": 20}
                for name, mean in zip(names, each, strict=True)
            },
            "twins": {name: outcome(mean) for name, mean in zip(names, each, strict=True)},
        }
        for seed, each in enumerate(runs)
    }


def test_three_times_sooner_is_of_means() -> None:
    """At twice the use it is claimed, and nowhere else."""
    pairs = {"live-x2.0-load70": kept((1.0, 3.5, 3.0), (2.0, 6.5, 6.5)), "live-x1.0-load70": kept((1.0, 1.0, 1.0))}
    told = claims(*summed(pairs))
    assert [(name, holds) for name, text, holds, _ in told if "sooner" in text] == [("live-x2.0-load70", True)]
    assert all(holds for _, _, holds, _ in told)
    assert not claims(*summed({"live-x2.0-load70": kept((1.0, 2.9, 2.9))}))[0][2]


def test_later_is_said_when_it_is_beyond_chance() -> None:
    """Within the interval it is not later."""
    sure = summed({"live-x1.0-load70": kept((1.2, 1.0, 1.0), (1.21, 1.0, 1.0), (1.2, 1.0, 1.0))})
    unsure = summed({"live-x1.0-load70": kept((1.2, 1.0, 1.0), (1.0, 1.1, 1.1), (1.2, 1.1, 1.2))})
    assert [[holds for _, _, holds, _ in claims(*found)] for found in (sure, unsure)] == [[False, False], [True, True]]


def test_who_was_killed_for_memory_counts_as_a_share_of_tasks() -> None:
    """Not what the outcome calls lost, which is of nodes."""
    rows, _ = summed({"live-x1.0-load70": kept((1.0, 1.0, 1.0), killed=2)})
    assert rows["live-x1.0-load70"]["kube"]["oom"] == 0.1
