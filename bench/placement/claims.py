"""What is claimed of LoadAware, and whether the runs bear it out. What they do not is said, not left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.placement.scenarios import OURS

Json = dict[str, Any]

ORACLE = "oracle"
BETTER = ("half-75", "quarter-75", "slow-75", "lost-samples-75", "unlike-75", "io-60", "bare-75", "bare-io-60")
"""Where requests are too small, or are none, or I/O contends and is measured."""
LOOSE = ("half-75", "quarter-75", "bare-75")
"""Where requests do not bind."""
REGRET = 0.01
EVEN = 0.65


@dataclass(frozen=True, slots=True)
class Claim:
    """In words, whether it holds in a scenario, and by what it is told."""

    scenario: str
    text: str
    holds: bool
    because: str


def claims(scenarios: Json, beside: Json) -> list[Claim]:
    """All that can be told of these scenarios."""
    found = []
    for name, rows in scenarios.items():
        rivals = [policy for policy in rows if policy not in {OURS, ORACLE}]
        found.append(_never_worse(name, beside[name], rivals))
        if all("simulated" in beside[name][policy] for policy in rivals):
            found += _as_simulated(name, beside[name], rivals)
        if ORACLE not in rows:
            continue
        if name in BETTER:
            found.append(_better(name, beside[name], rivals))
        regret = rows[OURS]["mean"] / rows[ORACLE]["mean"] - 1
        text = f"regret to the oracle at most {REGRET:.0%} in the mean slowdown of runs"
        found.append(Claim(name, text, regret <= REGRET, f"{regret:.2%}"))
        if name in LOOSE:
            even = rows[OURS]["sd"] / rows["KubeScheduler"]["sd"]
            text = f"node load deviates at most {EVEN} times as much as with kube-scheduler"
            found.append(Claim(name, text, even <= EVEN, f"{even:.2f}"))
    return found


def _never_worse(name: str, beside: Json, rivals: Sequence[str]) -> Claim:
    ahead = [policy for policy in rivals if beside[policy]["total_mean"]["verdict"] == "better"]
    return Claim(name, "no rival is better, the wait included", not ahead, ", ".join(ahead) or "none is")


def _better(name: str, beside: Json, rivals: Sequence[str]) -> Claim:
    level = [policy for policy in rivals if beside[policy]["total_mean"]["verdict"] != "worse"]
    return Claim(name, "every rival is worse, the wait included", not level, ", ".join(level) or "all are")


def _as_simulated(name: str, beside: Json, rivals: Sequence[str]) -> list[Claim]:
    """Of runs on a cluster: what the simulator says of the same traces comes true."""
    found = []
    for key, words in (("total_mean", "in the mean, the wait included"), ("p99", "at the 99th percentile")):
        should = [policy for policy in rivals if beside[policy]["simulated"][key]["verdict"] == "worse"]
        missing = [policy for policy in should if beside[policy][key]["verdict"] != "worse"]
        because = ", ".join(missing) or f"{', '.join(should) or 'none should be'}"
        found.append(Claim(name, f"who is worse in the simulator is worse {words}", not missing, because))
    wrong = [
        f"{policy} ({key})"
        for policy in rivals
        for key in ("mean", "p99", "total_mean")
        if not _agree(beside[policy][key], beside[policy]["simulated"][key])
    ]
    found.append(Claim(name, "the order of policies is that of the simulator", not wrong, ", ".join(wrong) or "it is"))
    return found


def _agree(live: Json, simulated: Json) -> bool:
    """Where either tells a difference, the other has it on the same side."""
    if live["verdict"] == simulated["verdict"] == "level":
        return True
    return bool(live["difference"] * simulated["difference"] > 0)
