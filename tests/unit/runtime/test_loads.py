"""What is believed of what sources say."""

from __future__ import annotations

from dataclasses import replace

from loadstar.core.model import Sample
from loadstar.runtime.loads import until
from tests.unit.core.builders import NOW, load


def test_a_sample_from_the_future_is_not_believed() -> None:
    """It would never grow old, and no honest one could follow it; the other resources of the node stand."""
    measured = load(1, 1, 0.5, timestamp=NOW)
    ahead = replace(measured, io=Sample(0.5, NOW + 1, 15, "test"))
    assert until(ahead, NOW) == replace(measured, io=None)
