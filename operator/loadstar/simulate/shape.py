"""The nodes of a simulated cluster, and the load on them that is not ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from loadstar.core.model import Node
from loadstar.core.quantity import CPU, MEMORY, PODS, Quantities

MOST_PODS: Final = 110


@dataclass(frozen=True, slots=True)
class Burden:
    """Use by others from a moment on: cores, bytes, I/O in the unit of Tasks."""

    since: float
    cpu: float
    memory: float = 0.0
    io: float = 0.0


@dataclass(frozen=True, slots=True)
class Host:
    """A node: allocatable cores and bytes, I/O that it can do (1: an ordinary disk's), what Pods of others request of
    it, and what these use as time passes.
    """

    name: str
    cores: float
    memory: float
    disk: float = 1.0
    requested: Quantities = field(default_factory=dict)
    burdens: tuple[Burden, ...] = ()

    @property
    def node(self) -> Node:
        """As a strategy sees it."""
        return Node(
            self.name,
            "1",
            ready=True,
            unschedulable=False,
            labels={},
            taints=(),
            allocatable={CPU: round(self.cores * 1000), MEMORY: round(self.memory), PODS: MOST_PODS},
        )


def resized(hosts: Sequence[Host], count: int) -> tuple[Host, ...]:
    """So many nodes like these: the first ones, and when they are too few the same again under other names."""
    rounds = [
        replace(hosts[number % len(hosts)], name=f"{hosts[number % len(hosts)].name}-{number // len(hosts) + 1}")
        if number >= len(hosts)
        else hosts[number]
        for number in range(count)
    ]
    return tuple(rounds)
