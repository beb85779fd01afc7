"""What Tasks of a class take of a node's I/O time, learned from samples of nodes alone: of Pods nobody measures it.

When other Pods are in the window of a sample than were in that of the last, the node's I/O changes. Over many such
changes it shows what a Pod of each class adds: each moves what is believed of the classes that came or went by a part
of what it was wrong about the change (normalised least mean squares). What others do on the node is noise in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from loadstar.core.model import Sample
from loadstar.core.reservations import Reservation, unseen

STEP: Final = 0.3
"""By which part of an error what is believed moves, where many Pods of one class came or went."""
LEAST_SHIFT: Final = 0.25
"""Below so many Pods that came or went, squared, a change tells more of others than of ours."""
SATURATED: Final = 0.95
"""A disk that is as busy as this does not show what is asked of it."""


def shift(res: Reservation, before: Sample, after: Sample) -> float:
    """How much more of the Pod is in the later sample than in the earlier one: -1 to 1."""
    return _seen(res, after) - _seen(res, before)


def change(before: Sample, after: Sample) -> float | None:
    """By how much the node's I/O changed; None where that says nothing."""
    if after.source != before.source or after.timestamp <= before.timestamp:
        return None
    if max(before.value, after.value) >= SATURATED:
        return None
    return after.value - before.value


def taught(known: Mapping[str, float], changed: float, shifts: Mapping[str, float]) -> dict[str, float]:
    """What is now believed of each class of which Pods came or went; nothing when these were too few.

    `known`: the share of a node's I/O time that a Pod of a class takes; `shifts`: how many Pods came, or went (less
    than 0), by class. A Pod takes no less than nothing, and no more than all.
    """
    norm = sum(each * each for each in shifts.values())
    if norm < LEAST_SHIFT:
        return {}
    wrong = changed - sum(known.get(name, 0.0) * each for name, each in shifts.items())
    pace = STEP * wrong / (1 + norm)
    return {name: max(0.0, min(1.0, known.get(name, 0.0) + pace * each)) for name, each in shifts.items()}


def _seen(res: Reservation, sample: Sample) -> float:
    """How much of a Pod's use is in a sample: 0 to 1."""
    lacking = unseen(res, sample.timestamp, sample.window)
    if res.finished is not None:
        return -lacking
    return 0.0 if res.started is None else 1.0 - lacking
