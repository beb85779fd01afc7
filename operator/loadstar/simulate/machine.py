"""One node under contention: what runs there, how fast, and what a meter would have seen.

A resource whose demand is above what there is slows all who use it, in proportion: CPU and memory everything on the
node, I/O the Tasks that do I/O. Between changes everything is linear, so nothing is sampled: the node keeps clocks that
run as fast as its Tasks do, and a Task ends when its clock has run for its work.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf

from loadstar.simulate.job import Job
from loadstar.simulate.shape import Burden, Host


class Machine:
    """A node at a moment. Every change is made at a time that is not before the last one."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.burden = Burden(0.0, 0.0)
        self.jobs: dict[int, Job] = {}
        self.cpu = self.memory = self.io = 0.0
        self.at = 0.0
        self.frozen = False
        self.version = 0
        """Grows with every change: a moment of ending that was foretold before it does not hold any more."""
        self.cpu_clock = 0.0
        """Seconds of CPU that each Task got of each second that it wanted."""
        self.cpu_used = self.io_used = 0.0
        """Core seconds, and seconds of I/O, since the beginning."""
        self._clocks = [0.0, 0.0]
        self._ends: tuple[list[tuple[float, int]], list[tuple[float, int]]] = ([], [])
        self._reckon()

    def advance(self, now: float) -> None:
        """Let time pass until now."""
        passed = now - self.at
        self.at = now
        if passed <= 0 or self.frozen:
            return
        self.cpu_clock += passed * self._cpu_share
        self.cpu_used += passed * min(self.cpu, self.host.cores)
        self.io_used += passed * min(self.io / self.host.disk, 1.0)
        self._clocks[0] += passed * self._rates[0]
        self._clocks[1] += passed * self._rates[1]

    def start(self, job: Job, now: float) -> None:
        """A Task begins to run."""
        self.advance(now)
        self.jobs[job.number] = job
        group = int(job.io > 0)
        heappush(self._ends[group], (self._clocks[group] + job.work, job.number))
        self._changed()

    def end(self, now: float) -> Job:
        """The Task that is due ends."""
        self.advance(now)
        group = min((0, 1), key=self._left)
        _, number = heappop(self._ends[group])
        job = self.jobs.pop(number)
        self._changed()
        return job

    def lose(self, now: float) -> list[Job]:
        """All Tasks are lost, with all that they did."""
        self.advance(now)
        lost = list(self.jobs.values())
        self.jobs.clear()
        for ends in self._ends:
            ends.clear()
        self._changed()
        return lost

    def bear(self, burden: Burden, now: float) -> None:
        """Others use so much from now on."""
        self.advance(now)
        self.burden = burden
        self._changed()

    def freeze(self, now: float, *, frozen: bool) -> None:
        """Nothing moves on the node any more, or all goes on as it was."""
        self.advance(now)
        self.frozen = frozen
        self.version += 1

    def due(self) -> float:
        """When the next Task ends if nothing changes; infinity for never."""
        return inf if self.frozen else self.at + max(0.0, min(self._left(0), self._left(1)))

    @property
    def load(self) -> float:
        """CPU demand as a share of the cores: above 1 where it contends."""
        return self.cpu / self.host.cores

    def _left(self, group: int) -> float:
        ends = self._ends[group]
        return (ends[0][0] - self._clocks[group]) / self._rates[group] if ends else inf

    def _changed(self) -> None:
        self.version += 1
        self._reckon()

    def _reckon(self) -> None:
        """Sums anew, so that what came and went leaves no rounding behind."""
        burden, jobs = self.burden, self.jobs.values()
        self.cpu = burden.cpu + sum(job.cpu for job in jobs)
        self.memory = burden.memory + sum(job.memory for job in jobs)
        self.io = burden.io + sum(job.io for job in jobs)
        cpu = max(1.0, self.cpu / self.host.cores)
        all_ = max(cpu, self.memory / self.host.memory)
        self._cpu_share = 1 / cpu
        self._rates = (1 / all_, 1 / max(all_, self.io / self.host.disk))
