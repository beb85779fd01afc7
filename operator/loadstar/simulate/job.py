"""One Task of a simulated trace: what it is, and what it truly uses, which no strategy is told."""

from __future__ import annotations

from dataclasses import dataclass

from loadstar.core.quantity import Quantities


@dataclass(frozen=True, slots=True)
class Job:
    """`arrival` in seconds; `work`: seconds that it runs where nothing contends. What it uses: `cpu` in cores, `memory`
    in bytes, `io` as the share of an ordinary disk's time. `declared`: what its author says that it requests; `kind`:
    Tasks of one kind have one worker template; `delay`: seconds from the choice of a node until its container runs.
    """

    number: int
    arrival: float
    work: float
    cpu: float
    memory: float
    io: float
    kind: str
    declared: Quantities
    delay: float = 2.0

    @property
    def uid(self) -> str:
        """Its name in decisions."""
        return f"job-{self.number}"
