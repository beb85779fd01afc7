"""Percentiles of sizes that were seen, the recent ones most, in little room and in a form that people can read.

The sketch is DDSketch: sizes fall into buckets that each span 2 %, so a percentile is right to 1 % whatever the sizes
are, and two sketches merge by adding bucket to bucket. Here are only its buckets, as a value that ages; what a bucket
is and where a percentile lies is the library's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ddsketch import DDSketch, LogarithmicMapping

ACCURACY: Final = 0.01
BUCKETS: Final = 256
"""So many buckets reach from the largest size down to a 160th of it; what is smaller counts as the smallest."""
LEAST_WEIGHT: Final = 0.05
"""A bucket that has faded to less than this is forgotten."""
LARGEST: Final = 2.0**60

_MAPPING: Final = LogarithmicMapping(ACCURACY)


@dataclass(frozen=True, slots=True)
class Sketch:
    """Weights by bucket, the smallest sizes first."""

    buckets: tuple[tuple[int, float], ...] = ()

    @property
    def weight(self) -> float:
        """How many sizes were seen, those that have faded counting less."""
        return sum(weight for _, weight in self.buckets)

    @property
    def largest(self) -> float:
        """No size that is remembered is above this, and one is at most 2 % below; 0 when there is none."""
        return _upper(self.buckets[-1][0]) if self.buckets else 0.0

    def quantile(self, share: float) -> float:
        """The size that this share of the sizes does not exceed, right to 1 %; 0 when there is none."""
        if not self.buckets:
            return 0.0
        sketch = DDSketch(ACCURACY)
        # It takes a rank from the count less one, so what has faded to little must not count as less than one size.
        scale = 1000.0 / self.weight
        for key, weight in self.buckets:
            sketch.add(_MAPPING.value(key), weight * scale)
        return float(sketch.get_quantile_value(share) or 0.0)

    def add(self, size: float, fade: float = 1.0) -> Sketch:
        """The sketch with one more size (above 0), after all others have faded by the factor."""
        return _sketch(self._faded(fade), {bucket_of(size): 1.0})

    def sizes(self) -> list[tuple[int, float]]:
        """Each bucket's size in whole units, and its weight: what `read` takes."""
        return [(max(1, round(_MAPPING.value(key))), weight) for key, weight in self.buckets]

    def _faded(self, fade: float) -> dict[int, float]:
        return {key: weight * fade for key, weight in self.buckets if weight * fade >= LEAST_WEIGHT}


NOTHING: Final = Sketch()


def read(sizes: list[tuple[float, float]]) -> Sketch:
    """The sketch of sizes with weights. Raises ValueError for what is none."""
    buckets: dict[int, float] = {}
    for size, weight in sizes:
        # A comparison with NaN is false.
        if not (1 <= size <= LARGEST and 0 < weight <= LARGEST):
            raise ValueError(f"a size must be from 1 to 2^60 and its weight above 0, not {size} and {weight}")
        key = bucket_of(size)
        buckets[key] = buckets.get(key, 0.0) + weight
    return _sketch(buckets, {})


def bucket_of(size: float) -> int:
    """The bucket of a size. Whole sizes from 50 on come back to their bucket after they were rounded."""
    return int(_MAPPING.key(min(LARGEST, max(1.0, size))))


def _upper(key: int) -> float:
    """The end of a bucket; the library's value of it is 1 % below."""
    return float(_MAPPING.value(key)) / (1 - ACCURACY)


def _sketch(one: dict[int, float], other: dict[int, float]) -> Sketch:
    both = {key: one.get(key, 0.0) + other.get(key, 0.0) for key in {*one, *other}}
    if not both:
        return NOTHING
    least = max(both) - BUCKETS + 1
    kept: dict[int, float] = {}
    for key, weight in both.items():
        kept[max(least, key)] = kept.get(max(least, key), 0.0) + weight
    return Sketch(tuple(sorted(kept.items())))
