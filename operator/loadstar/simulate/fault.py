"""What breaks in a simulated cluster, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NOTICED: Final = 40.0
"""Seconds until a node that is not heard of any more is not Ready, and its Tasks are made again."""


class Kind(StrEnum):
    """DEAD: all on it is lost; FROZEN: all stands still and then goes on; DARK: it runs, but has no samples."""

    DEAD = "dead"
    FROZEN = "frozen"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Fault:
    """Of one node, from a second after the first arrival on, for so many seconds."""

    kind: Kind
    node: str
    at: float
    seconds: float
