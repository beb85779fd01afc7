"""What Tasks and others do on real nodes: a fixed amount of work at a fixed pace, so that a longer run is contention.

Time is cut into slots. In each the burner counts to a number, writes so much past the page cache, and sleeps out what
is left of the slot. Where a node has enough for all, every slot is in time and the run takes just its slots; where it
has not, the work of a slot takes longer than the slot, and what is lost is not made up: a burner never uses more than
its share. The counted number, and not seconds of CPU, is the work: it is the same on a busy machine and an idle one.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

IMAGE = "busybox:1.35"
SLOT_SECONDS = 0.5
FOREVER = 10**6
"""Slots of what ends only with its Pod."""
SAMPLES = 7
COUNTED = 200_000
SCRIPT = """
tick() { read -r up _ </proc/uptime; now=${up%.*}${up#*.}; }
if [ "$MIB" -gt 0 ]; then dd if=/dev/zero bs=${MIB}M count=1 2>/dev/null | sleep 1000000 & fi
tick; began=$now; next=$now; slot=0; late=0
while [ $slot -lt $SLOTS ]; do
  next=$((next + SLOT)); slot=$((slot + 1)); i=0
  while [ $i -lt $COUNT ]; do i=$((i + 1)); done
  if [ "$KIB" -gt 0 ]; then dd if=/dev/zero of=/tmp/io bs=${KIB}k count=1 oflag=direct conv=notrunc 2>/dev/null; fi
  tick
  if [ $now -lt $next ]; then usleep $(((next - now) * 10000)); else late=$((late + now - next)); next=$now; fi
done
tick
echo "{\\"began\\": $began, \\"ended\\": $now, \\"late\\": $late}" >/dev/termination-log
"""
"""Times are hundredths of a second since the machine was booted."""


@dataclass(frozen=True, slots=True)
class Burner:
    """`cpu` in cores, `seconds` of the run where nothing contends, `mib` of memory held, `kib` written in a slot."""

    cpu: float
    seconds: float
    mib: int = 0
    kib: int = 0

    @property
    def slots(self) -> int:
        """How many slots a run has."""
        return FOREVER if self.seconds == float("inf") else max(1, round(self.seconds / SLOT_SECONDS))

    @property
    def work(self) -> float:
        """Seconds that a run takes where nothing contends."""
        return self.slots * SLOT_SECONDS

    def worker(self, per_second: float, requests: Mapping[str, str]) -> Json:
        """The worker of a Task; `per_second`: to what a core counts in a second."""
        count = round(self.cpu * SLOT_SECONDS * per_second)
        numbers = {
            "SLOTS": self.slots,
            "SLOT": round(SLOT_SECONDS * 100),
            "COUNT": count,
            "MIB": self.mib,
            "KIB": self.kib,
        }
        return {
            "image": IMAGE,
            "command": ["sh", "-c", SCRIPT],
            "env": [{"name": name, "value": str(value)} for name, value in numbers.items()],
            "resources": {"requests": dict(requests)},
        }


@dataclass(frozen=True, slots=True)
class Told:
    """What a burner said with its last breath: seconds since boot, and for how long in all it was behind its slots."""

    began: float
    ended: float
    late: float


def told(message: str) -> Told | None:
    """Read a termination message; None when it is no burner's."""
    try:
        found = json.loads(message)
        return Told(found["began"] / 100, found["ended"] / 100, found["late"] / 100)
    except (ValueError, KeyError, TypeError):
        return None


def since_boot() -> float:
    """Seconds, by the clock that burners read."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def counted_per_second() -> float:
    """To what a shell counts in a second of CPU on this machine: the median of some tries. Raises OSError."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise OSError("busybox is needed to find out how fast this machine counts: apt-get install busybox-static")
    script = f"i=0; while [ $i -lt {COUNTED} ]; do i=$((i + 1)); done"
    tries = []
    for _ in range(SAMPLES):
        before = os.times()
        subprocess.run([busybox, "sh", "-c", script], check=True)
        after = os.times()
        tries.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return COUNTED / statistics.median(tries)
