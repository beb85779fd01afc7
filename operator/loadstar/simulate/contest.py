"""Strategies, weights and counts of nodes on the same trace, and what follows for somebody who has to choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from loadstar.core.model import Strategy, Weights
from loadstar.simulate.difference import difference
from loadstar.simulate.job import Job
from loadstar.simulate.loadstar import Loadstar
from loadstar.simulate.outcome import Outcome
from loadstar.simulate.run import Run, Setting
from loadstar.simulate.shape import Host, resized

SCORING: Final = frozenset({Strategy.LOAD_AWARE, Strategy.POWER_OF_TWO})
"""The strategies that weigh resources."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: weights matter to strategies that score."""

    strategy: Strategy
    weights: Weights
    nodes: int

    @property
    def way(self) -> str:
        """Strategy, and weights where they decide: "LoadAware 0.5/0.3/0.2"."""
        return f"{self.strategy} {self.shown}" if self.strategy in SCORING else str(self.strategy)

    @property
    def shown(self) -> str:
        """The weights, "-" where they decide nothing."""
        weights = self.weights
        return f"{weights.cpu:g}/{weights.memory:g}/{weights.io:g}" if self.strategy in SCORING else "-"


@dataclass(frozen=True, slots=True)
class Result:
    """A trial and its outcomes, one for each seed, in the order of the seeds."""

    trial: Trial
    outcomes: tuple[Outcome, ...]

    def mean(self, name: str) -> float:
        """Of a field of the outcomes."""
        return fmean(self.each(name))

    def each(self, name: str) -> list[float]:
        """A field of the outcomes, seed by seed."""
        return [getattr(outcome, name) for outcome in self.outcomes]


@dataclass(frozen=True, slots=True)
class World:
    """The trace for a seed, the nodes for a seed, and how a run is."""

    jobs: Callable[[int], Sequence[Job]]
    hosts: Callable[[int], Sequence[Host]]
    setting: Setting

    def run(self, trial: Trial, seed: int) -> Outcome:
        """One run."""
        policy = replace(self.setting.policy, weights=trial.weights, strategy=trial.strategy)
        hosts = resized(self.hosts(seed), trial.nodes)
        setting = replace(self.setting, policy=policy)
        return Run(self.jobs(seed), hosts, setting, lambda _: Loadstar(trial.strategy, seed), seed).run()


def trials(strategies: Sequence[Strategy], weights: Sequence[Weights], nodes: Sequence[int]) -> list[Trial]:
    """All of them; weights are varied where they decide anything."""
    return [
        Trial(strategy, each, count)
        for count in nodes
        for strategy in strategies
        for each in (weights if strategy in SCORING else weights[:1])
    ]


def best(results: Sequence[Result]) -> Result:
    """The lowest slowdown with the wait, on the same count of nodes; the first of equals."""
    return min(results, key=lambda result: result.mean("total_mean"))


def advice(results: Sequence[Result], goal: float) -> list[str]:
    """Which strategy, which weights, how many nodes."""
    counts = sorted({result.trial.nodes for result in results})
    tops = {count: best([result for result in results if result.trial.nodes == count]) for count in counts}
    enough = [count for count in counts if tops[count].mean("total_mean") <= goal and _whole(tops[count])]
    count = enough[0] if enough else counts[-1]
    top = tops[count]
    said = [
        f"{count} nodes are the fewest of those tried that keep the mean slowdown with the wait at {goal:g} or less"
        if enough
        else f"no count of nodes that was tried keeps the mean slowdown with the wait at {goal:g} or less"
    ]
    said.append(f"on {count} nodes {top.trial.way} is best: {top.mean('total_mean'):.3f}")
    level: list[str] = []
    worse: list[str] = []
    for result in results:
        if result.trial.nodes != count or result is top:
            continue
        gap = difference(result.each("total_mean"), top.each("total_mean"))
        text = f"{result.trial.way} ({gap.mean:+.3f}" + (f" ± {gap.half:.3f})" if gap.half is not None else ")")
        (level if gap.half is not None and gap.verdict != "worse" else worse).append(text)
    said += [f"no difference that these seeds can tell: {', '.join(level)}"] if level else []
    said += [f"slower: {', '.join(worse)}"] if worse else []
    if len(top.outcomes) < 2:  # noqa: PLR2004 - one run has no interval
        said.append(
            "one seed tells no chance from a difference: use --seeds 5 or more before you decide by a small one"
        )
    refused = max(outcome.refused for outcome in top.outcomes)
    said += [f"{refused} Tasks fit on no node at all and were left out"] if refused else []
    return said


def _whole(result: Result) -> bool:
    return not any(outcome.unfinished or outcome.refused for outcome in result.outcomes)
