"""CPU and memory of processes and of the machine, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU by name since boot or birth; `idle` and `machine` are of all cores together."""

    seconds: Mapping[str, float]
    idle: float
    machine: float

    @classmethod
    def read(cls, pids: Mapping[str, int]) -> Usage:
        """Look at these processes and the machine."""
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        seconds = {name: cpu_seconds(pid) for name, pid in pids.items()}
        return cls(seconds, (fields[3] + fields[4]) / TICK, sum(fields) / TICK)

    def since(self, before: Usage) -> dict[str, float]:
        """Seconds of CPU by name since then, with `idle` and what `others` on the machine took."""
        spent = {name: value - before.seconds.get(name, 0.0) for name, value in self.seconds.items()}
        idle = self.idle - before.idle
        spent["others"] = max(0.0, self.machine - before.machine - idle - sum(spent.values()))
        spent["idle"] = idle
        return {name: round(value, 2) for name, value in spent.items()}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_mb(pid: int, *, peak: bool = False) -> float:
    """Resident memory of a process now, or the most it ever had."""
    name = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return round(int(line.split()[1]) / 1024, 1)
    raise ValueError(f"process {pid} has no {name}")
