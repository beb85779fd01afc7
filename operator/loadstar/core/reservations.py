"""What our own Pods add to a node that its samples do not show yet, and what ended ones have left in them.

A sample is the mean over [T - W, T]. A Pod that ran through a part of that window is in it by that part, so its
reservation fades exactly as the metric catches up: by events, not by timers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loadstar.core.model import NOTHING_MEASURED, Load


@dataclass(frozen=True, slots=True)
class Reservation:
    """The expected use of one of our Pods: millicores, bytes, share of the node's I/O time.

    `started` None = not running yet; `finished` None = not ended. Both by its node's clock, as samples are.
    """

    cpu: int
    memory: int
    io: float = 0.0
    started: float | None = None
    finished: float | None = None


def unseen(res: Reservation, timestamp: float, window: float) -> float:
    """What of the Pod a sample over [timestamp - window, timestamp] lacks, as a share of its use: 1 to 0.

    Of a Pod that has ended it is what the sample still has of it and the node has not: 0 to -1.
    """
    start, end = res.started, res.finished
    if start is None:
        return 1.0 if end is None else 0.0
    if window > 0:
        until = timestamp if end is None else min(timestamp, end)
        covered = max(0.0, min(1.0, (until - max(timestamp - window, start)) / window))
    else:
        covered = 1.0 if start < timestamp and (end is None or timestamp <= end) else 0.0
    return 1.0 - covered if end is None else -covered


def settled(res: Reservation, load: Load) -> bool:
    """True when every sample of this load, and so every later one, shows all of the Pod, or nothing any more."""
    since = res.started if res.finished is None else res.finished
    if since is None:
        return res.finished is not None
    samples = (sample for sample in (load.cpu, load.memory, load.io) if sample is not None)
    return all(since < sample.timestamp - sample.window for sample in samples)


class Added:
    """The sum of what the samples of one load lack of some Pods: millicores, bytes, share of I/O time."""

    __slots__ = ("cpu", "io", "memory")

    def __init__(self, reservations: Iterable[Reservation], load: Load) -> None:
        self.cpu = self.memory = self.io = 0.0
        for res in reservations:
            self.count(res, load, 1)

    @classmethod
    def of(cls, cpu: float, memory: float, io: float) -> Added:
        """A sum that is known."""
        added = cls((), NOTHING_MEASURED)
        added.cpu, added.memory, added.io = cpu, memory, io
        return added

    def count(self, res: Reservation, load: Load, sign: int) -> None:
        """Count one Pod in (1) or out (-1). Where nothing is measured nothing can be lacking."""
        if (cpu := load.cpu) is not None:
            self.cpu += sign * res.cpu * unseen(res, cpu.timestamp, cpu.window)
        if (memory := load.memory) is not None:
            self.memory += sign * res.memory * unseen(res, memory.timestamp, memory.window)
        if res.io and (io := load.io) is not None:
            self.io += sign * res.io * unseen(res, io.timestamp, io.window)
