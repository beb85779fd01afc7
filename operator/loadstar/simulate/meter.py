"""What is measured of nodes and Pods, and when it is known: as metrics-server measures, a mean over a window, late.

Each node is measured at moments of its own. Memory is an instant. There is no I/O unless the meter has it, no sample of
a node that is down, and none that was lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from loadstar.core.classes import Use
from loadstar.core.model import Load, Sample
from loadstar.simulate.job import Job
from loadstar.simulate.machine import Machine

SOURCE: Final = "simulated"


@dataclass(frozen=True, slots=True)
class Metering:
    """Seconds of a window, and between samples; the least and the most seconds until a sample is known; whether I/O is
    measured too; the share of samples that are lost.
    """

    window: float = 15.0
    soonest: float = 1.0
    latest: float = 6.0
    io: bool = False
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A sample of a node, and of each of its Pods by uid, with the class of each."""

    node: str
    load: Load
    uses: dict[str, tuple[Job, Use]]


class Meter:
    """Measures one node."""

    def __init__(self, machine: Machine, metering: Metering, dice: Random) -> None:
        self._machine = machine
        self._metering = metering
        self._dice = dice
        self._at = 0.0
        self._cpu = self._io = self._clock = 0.0
        self._there: frozenset[int] = frozenset()
        self.first = dice.uniform(0.2, 1.0) * metering.window
        """When the first window ends."""

    def read(self, now: float) -> tuple[float, Reading] | None:
        """The sample of the window that ends now, with the moment from which it is known; None when it is lost."""
        machine, metering = self._machine, self._metering
        machine.advance(now)
        window = now - self._at
        cpu, io = (machine.cpu_used - self._cpu) / window, (machine.io_used - self._io) / window
        share = (machine.cpu_clock - self._clock) / window
        stayed = {number: job for number, job in machine.jobs.items() if number in self._there}
        self._at, self._cpu, self._io, self._clock = now, machine.cpu_used, machine.io_used, machine.cpu_clock
        self._there = frozenset(machine.jobs)
        delay, kept = self._dice.uniform(metering.soonest, metering.latest), self._dice.random() >= metering.lost
        if machine.frozen or not kept:
            return None
        memory = min(machine.memory, machine.host.memory)
        load = Load(
            Sample(cpu, now, window, SOURCE),
            Sample(memory, now, 0.0, SOURCE),
            Sample(io, now, window, SOURCE) if metering.io else None,
        )
        uses = {job.uid: (job, Use(job.cpu * 1000 * share, job.memory, None, now, window)) for job in stayed.values()}
        return now + delay, Reading(machine.host.name, load, uses)
