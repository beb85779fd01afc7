"""A model of a trace: classes of Tasks that come by themselves and in bursts, on nodes with others on them.

Everything follows from the seed. Tasks are drawn until what they use makes up the load that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp
from random import Random
from typing import Final

from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.simulate.background import Background
from loadstar.simulate.job import Job
from loadstar.simulate.shape import Host

GIB: Final = 2**30
MIXED: Final = (4.0, 8.0, 16.0)
CORES_A_DISK: Final = 8.0
"""Larger nodes can do more I/O, in proportion."""
UNLIKE: Final = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True, slots=True)
class Model:
    """`nodes` of `cores`, repeated; `load`: CPU use of Tasks and others as a share of all cores in the mean.

    Tasks arrive during `seconds`, the share `bursts` of them in bursts of 10 to 60 of one class at an instant; classes
    differ in use, length and I/O, and so, by `spread`, do the Tasks of a class. What a class declares is its mean use
    times `factor` times an error of its own, log-normal with deviation `error`. `io`: the share of classes that do I/O,
    and `busy`: how much of a node's I/O such a Task takes in the mean.
    """

    nodes: int = 30
    cores: tuple[float, ...] = MIXED
    gib_a_core: tuple[float, ...] = (4.0,)
    load: float = 0.75
    seconds: float = 600.0
    classes: int = 12
    bursts: float = 0.5
    spread: float = 0.2
    factor: float = 1.0
    error: float = 0.5
    io: float = 0.3
    busy: float = 0.1
    background: Background = field(default_factory=Background)

    def hosts(self, seed: int) -> tuple[Host, ...]:
        """The nodes."""
        dice = Random(f"hosts {seed}")
        found = []
        for number in range(self.nodes):
            cores = self.cores[number % len(self.cores)]
            memory = cores * GIB * self.gib_a_core[number % len(self.gib_a_core)]
            # Others go on until the last Tasks have ended, with time to spare for those that wait.
            disk = cores / CORES_A_DISK
            requested, burdens = self.background.course(cores, memory, disk, 2 * self.seconds + 600, dice)
            found.append(Host(f"node-{number}", cores, memory, disk, requested, burdens))
        return tuple(found)

    def jobs(self, seed: int) -> tuple[Job, ...]:
        """The Tasks, in the order of their arrival."""
        dice = Random(f"jobs {seed}")
        kinds = [_Kind.drawn(number, self, dice) for number in range(self.classes)]
        every = sum(self.cores[number % len(self.cores)] for number in range(self.nodes))
        budget = max(0.0, self.load - self.background.cpu) * every * self.seconds
        drawn: list[tuple[float, _Kind]] = []
        spent = 0.0
        while spent < budget:
            kind, at = dice.choice(kinds), dice.uniform(0, self.seconds)
            # A burst is 35 Tasks in the mean: so many fewer are drawn for them to be this share of all.
            many = dice.randint(10, 60) if dice.random() * (35 - 34 * self.bursts) < self.bursts else 1
            drawn += [(at, kind)] * many
            spent += many * kind.cpu * kind.work
        drawn.sort(key=lambda item: item[0])
        return tuple(kind.job(number, at, self.spread, dice) for number, (at, kind) in enumerate(drawn))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A class: what its Tasks use in the mean, and what they declare."""

    name: str
    work: float
    cpu: float
    memory: float
    io: float
    declared: Quantities

    @classmethod
    def drawn(cls, number: int, model: Model, dice: Random) -> _Kind:
        cpu = min(3.0, 0.8 * exp(dice.gauss(0, 0.6)))
        memory = min(6.0, 1.2 * exp(dice.gauss(0, 0.5))) * GIB
        work = min(240.0, 45 * exp(dice.gauss(0, 0.7)))
        # By number and not by chance: a seed in which no class does I/O says nothing about it.
        does, busy = (number + 0.5) / model.classes < model.io, model.busy * exp(dice.gauss(-0.08, 0.4))
        wrong = model.factor * exp(dice.gauss(-(model.error**2) / 2, model.error))
        declared = {CPU: max(10, round(cpu * 1000 * wrong)), MEMORY: round(memory * 1.1)}
        return cls(f"class-{number}", work, cpu, memory, min(0.8, busy) if does else 0.0, declared)

    def job(self, number: int, at: float, spread: float, dice: Random) -> Job:
        """One of its Tasks."""

        def near(mean: float) -> float:
            return mean * exp(dice.gauss(-(spread**2) / 2, spread))

        return Job(
            number,
            at,
            near(self.work),
            near(self.cpu),
            near(self.memory),
            min(1.0, near(self.io)) if self.io else 0.0,
            self.name,
            self.declared,
            dice.uniform(1.5, 5.0),
        )
