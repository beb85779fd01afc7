"""A model of what others use of a node: a level of its own, a slow wave, noise that lasts, and bursts."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, pi, sin
from random import Random
from typing import Final

from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.simulate.shape import Burden

STEP: Final = 10.0
MOST: Final = 0.95


@dataclass(frozen=True, slots=True)
class Background:
    """Shares of a node in the mean: of CPU, memory and I/O. `spread`: by how much levels differ, log-normal.

    `wrong`: by which factor what the others' Pods request may be off, upwards or downwards.
    """

    cpu: float = 0.3
    memory: float = 0.25
    io: float = 0.1
    spread: float = 0.4
    wrong: float = 2.0

    def course(
        self, cores: float, memory: float, disk: float, seconds: float, dice: Random
    ) -> tuple[Quantities, tuple[Burden, ...]]:
        """What the others on a node of this size request, and what they use until then."""
        level = min(0.6, self.cpu * exp(dice.gauss(-(self.spread**2) / 2, self.spread)))
        held = min(0.6, self.memory * exp(dice.gauss(-(self.spread**2) / 2, self.spread)))
        phase, period = dice.uniform(0, 2 * pi), dice.uniform(200, 600)
        noise, burst_until, burst = 0.0, -1.0, 0.0
        found: list[Burden] = []
        at = 0.0
        while at < seconds:
            noise = 0.9 * noise + dice.gauss(0, 0.15 * 0.436 * level)
            if at >= burst_until and dice.random() < STEP / 240:
                burst_until, burst = at + dice.uniform(20, 60), dice.uniform(0.1, 0.3)
            extra = burst if at < burst_until else 0.0
            share = level * (1 + 0.25 * sin(phase + 2 * pi * at / period)) + noise + extra
            share = max(0.01, min(MOST, share))
            busy = max(0.0, min(MOST, self.io * share / max(0.01, level)))
            found.append(Burden(at, share * cores, held * memory, busy * disk))
            at += STEP
        factor = log(self.wrong)
        asked = min(0.6, level * exp(dice.uniform(-factor, factor)))
        return {CPU: round(asked * cores * 1000), MEMORY: round(min(0.6, held) * memory)}, tuple(found)
