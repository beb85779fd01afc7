"""What Tasks declare beyond what they ask for, and beyond what their classes are known to use: in sum, and in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import floor, log10
from typing import Final

from loadstar.core.model import Condition
from loadstar.core.quantity import CPU, MEMORY, Quantities, show

REQUESTS_FIT: Final = "RequestsFit"
WORTH: Final = 0.1
"""From this share of what is declared on it is worth a word."""
LEAST_CPU: Final = 500
LEAST_MEMORY: Final = 2**29


@dataclass(frozen=True, slots=True)
class Live:
    """A Task with a Pod: its class, and CPU and memory that it declares, asks for, and would ask for if learned."""

    name: tuple[str, str]
    declared: Quantities
    requested: Quantities
    learned: Quantities


@dataclass(frozen=True, slots=True)
class Savings:
    """Millicores and bytes of all live Tasks. `spared`: declared and not asked for; `possible`: what would be so
    besides, if requests were learned; `classes`: how many classes that is of.
    """

    tasks: int = 0
    declared: Quantities = field(default_factory=dict)
    spared: Quantities = field(default_factory=dict)
    possible: Quantities = field(default_factory=dict)
    classes: int = 0

    @property
    def worth(self) -> bool:
        """True when enough would be spared to speak of it."""
        return any(
            self.possible.get(name, 0) >= max(least, WORTH * self.declared.get(name, 0))
            for name, least in ((CPU, LEAST_CPU), (MEMORY, LEAST_MEMORY))
        )


def savings(live: Iterable[Live]) -> Savings:
    """Add up. Where nothing is declared nothing is spared."""
    declared, spared, possible = ({CPU: 0, MEMORY: 0} for _ in range(3))
    classes: set[tuple[str, str]] = set()
    tasks = 0
    for item in live:
        tasks += 1
        for name in (CPU, MEMORY):
            said = item.declared.get(name, 0)
            asked = item.requested.get(name, said)
            declared[name] += said
            spared[name] += max(0, said - asked)
            more = max(0, min(said, asked) - item.learned.get(name, asked))
            possible[name] += more
            if more:
                classes.add(item.name)
    return Savings(tasks, declared, spared, possible, len(classes))


def recommendation(found: Savings, before: Condition | None, now: float) -> Condition | None:
    """The condition that says what requests Learned would give back; None when that is not worth a word."""
    if not found.worth:
        return None
    parts = " and ".join(
        f"{roughly(name, found.possible[name])} of {roughly(name, found.declared[name])} {spoken}"
        for name, spoken in ((CPU, "CPU"), (MEMORY, "memory"))
    )
    count = f"{found.classes} class{'es' if found.classes > 1 else ''}"
    text = f"Tasks of {count} declare more than they use: with requests Learned {parts} would be free; loadstar savings"
    changed = before.changed if before is not None and before.status == "False" else now
    return Condition(REQUESTS_FIT, "False", "DeclaredTooLarge", text, changed)


def roughly(name: str, value: int) -> str:
    """About so much, to one digit or two: what changes by less is no news."""
    if value < 1:
        return show(name, 0)
    unit = 1
    if name == MEMORY:
        unit = next((size for size in (2**30, 2**29, 2**20) if value >= 2 * size), 1)
    step = unit * int(10 ** max(0, floor(log10(max(1, value // unit))) - 1))
    return show(name, round(value / step) * step)
