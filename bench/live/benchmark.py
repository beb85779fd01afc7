"""What a benchmark on simulated nodes consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.live.trace import Trace
from bench.live.units import Units

Json = dict[str, Any]
Kept: TypeAlias = Mapping[str, Mapping[int, Json]]
"""Pairs by scenario and seed."""

LEVEL = "L2"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`scenarios`: in words by name; `seeds`: of the pairs, in their order; Tasks of a scenario arrive for so many
    `seconds`, and `patience` seconds later a run is given up.

    `trace` of a scenario, a seed and so many seconds; `ways`: policies by name; `twins`: what the simulator makes of a
    trace with a seed, by policy; `publish`: write results from what was kept, under these conditions.
    """

    name: str
    scenarios: Mapping[str, str]
    seeds: tuple[int, ...]
    nodes: int
    seconds: Mapping[str, float]
    patience: float
    trace: Callable[[str, int, float], Trace]
    ways: Callable[[], Mapping[str, Units]]
    twins: Callable[[Trace, int], Json]
    publish: Callable[[Kept, Json], None]
