"""What a Task declares, asks for and uses: the part of its status that is about its requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from typing import Final

from loadstar.core.quantity import CPU, MEMORY, Quantities

LEARNABLE: Final = (CPU, MEMORY)
MEMORY_STEP: Final = 2**20
"""Memory is asked for in whole MiB: what moves by less is no other request."""


class Requests(StrEnum):
    """What Pods ask for: what their Tasks declare, or what their class was learned to use."""

    DECLARED = "Declared"
    LEARNED = "Learned"


@dataclass(frozen=True, slots=True)
class Resources:
    """CPU and memory of the latest attempt, in millicores and bytes; what is absent is not said, asked for or measured.

    `percentile` of its class's peaks that the memory request is made of, None when none was learned. `killed`: the
    memory that an attempt asked for which was killed for memory below what is declared: that is free once.
    `memory_factor`: after kills for memory it gets so many times what its worker says, and `declared` is that.
    """

    declared: Quantities = field(default_factory=dict)
    requested: Quantities = field(default_factory=dict)
    used: Quantities = field(default_factory=dict)
    percentile: int | None = None
    killed: int | None = None
    memory_factor: float = 1.0

    @property
    def learned(self) -> bool:
        """True when less is asked for than is declared, or something where nothing is."""
        return self.requested != self.declared


@dataclass(frozen=True, slots=True)
class Asks:
    """What is asked for instead of what is declared: only what was learned is in it, in millicores and bytes.

    `percentile` of the class's peaks that the memory is made of; 100 for the largest.
    """

    requests: Quantities = field(default_factory=dict)
    percentile: int | None = None


NOTHING_LEARNED: Final = Asks()


def learnable(requests: Quantities) -> dict[str, int]:
    """CPU and memory of some requests."""
    return {name: requests[name] for name in LEARNABLE if name in requests}


def resources_of(
    declared: Quantities,
    requested: Quantities,
    percentile: int | None,
    killed: int | None,
    memory_factor: float = 1.0,
) -> Resources:
    """Of an attempt: CPU and memory alone."""
    return Resources(
        learnable(declared),
        learnable(requested),
        percentile=percentile,
        killed=killed,
        memory_factor=memory_factor,
    )


def grown(memory: int, factor: float) -> int:
    """So many bytes after kills for memory: whole MiB where they grow."""
    return memory if factor == 1.0 else ceil(memory * factor / MEMORY_STEP) * MEMORY_STEP
