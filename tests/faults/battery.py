"""Many cases on one bed: clean runs first, which say what there is to hurt, then each fault, judged by those."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import oracles
from tests.faults.case import Case, Outcome
from tests.faults.fault import Fault
from tests.faults.ground import Ground
from tests.faults.history import story
from tests.faults.scenarios import Scenario

AT_ONCE = 8
CLEAN_RUNS = 2

Choose = Callable[[Scenario, Outcome], Iterable[Fault]]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the clean runs of a scenario agree on."""

    outcomes: tuple[Outcome, ...]
    masked: frozenset[str]

    @property
    def first(self) -> Outcome:
        """The run that others are compared with: one without a violation, if there is any."""
        return next((outcome for outcome in self.outcomes if not outcome.violations), self.outcomes[0])


@dataclass(frozen=True, slots=True)
class Result:
    """One case, judged."""

    name: str
    differences: tuple[str, ...]
    violations: tuple[str, ...]
    seconds: float
    log: str
    story: tuple[str, ...]

    @property
    def good(self) -> bool:
        """True when nothing is wrong."""
        return not self.differences and not self.violations


@dataclass(slots=True)
class Battery:
    """Runs cases, so many at once; a bad case's log is kept in `folder`."""

    ground: Ground
    folder: Path
    say: Say
    at_once: int = AT_ONCE
    results: list[Result] = field(default_factory=list)
    points: dict[str, int] = field(default_factory=dict)

    async def run(self, scenarios: Sequence[Scenario], choose: Choose) -> list[Result]:
        """Run all cases of these scenarios."""
        room = asyncio.Semaphore(self.at_once)
        await asyncio.gather(*(self._scenario(room, scenario, choose) for scenario in scenarios))
        return self.results

    async def _scenario(self, room: asyncio.Semaphore, scenario: Scenario, choose: Choose) -> None:
        baseline = await self._baseline(room, scenario)
        self.points[scenario.name] = len(baseline.first.requests)
        names = [f"{scenario.name}/clean" for _ in baseline.outcomes]
        for name, outcome in zip(names, baseline.outcomes, strict=True):
            self._judge(name, scenario, baseline, outcome)
        if any("stuck" in line for line in baseline.first.violations):
            return  # nothing can be compared with a run that did not end
        await asyncio.gather(
            *(self._case(room, scenario, baseline, fault) for fault in choose(scenario, baseline.first))
        )

    async def _baseline(self, room: asyncio.Semaphore, scenario: Scenario) -> Baseline:
        outcomes = tuple(await asyncio.gather(*(self._run(room, scenario, Fault()) for _ in range(CLEAN_RUNS))))
        states = [oracles.plain(outcome.state, scenario.alike) for outcome in outcomes]
        masked = frozenset[str]().union(*(oracles.mask(states[0], other) for other in states[1:]))
        return Baseline(outcomes, masked)

    async def _case(self, room: asyncio.Semaphore, scenario: Scenario, baseline: Baseline, fault: Fault) -> None:
        outcome = await self._run(room, scenario, fault)
        self._judge(f"{scenario.name}/{fault.name}", scenario, baseline, outcome)

    async def _run(self, room: asyncio.Semaphore, scenario: Scenario, fault: Fault) -> Outcome:
        async with room:
            return await Case(self.ground, scenario, fault, self.folder).run()

    def _judge(self, name: str, scenario: Scenario, baseline: Baseline, outcome: Outcome) -> None:
        clean = baseline.first
        wrong = oracles.differences(
            oracles.plain(clean.state, scenario.alike), oracles.plain(outcome.state, scenario.alike), baseline.masked
        )
        wrong += oracles.differences(clean.arrivals, outcome.arrivals)
        result = Result(name, tuple(wrong), outcome.violations, outcome.seconds, outcome.log, _story(outcome))
        self.results.append(result)
        self._tell(result)

    def _tell(self, result: Result) -> None:
        self.say(f"{'ok ' if result.good else 'BAD'} {result.name} {result.seconds:.1f} s")
        for line in _lines(result):
            self.say(f"      {line}")
        if not result.good:
            kept = self.folder / f"{result.name.replace('/', '_')}.log"
            kept.write_text("\n".join([*_lines(result), "", *result.story, "", result.log]))


def _lines(result: Result) -> Iterator[str]:
    yield from (f"violation: {line}" for line in result.violations)
    yield from (f"difference: {line}" for line in result.differences)


def _story(outcome: Outcome) -> tuple[str, ...]:
    asked = (f"{one.number} {one.method} {one.path} {one.status or 'no answer'}" for one in outcome.requests)
    return (*story(outcome.events), "", *asked)
