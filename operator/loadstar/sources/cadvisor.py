"""What a kubelet's /metrics/cadvisor says of its node's disks: bytes read and written since it started. Pure.

Of the many lines only those of the root cgroup are read, which is the node. `container_fs_io_time_seconds_total` is
not read: cAdvisor fills it with milliseconds or with the sum of overlapping requests, and neither is a share of time.
"""

from __future__ import annotations

import math
import re
from typing import Final

NAME: Final = "kubelet blkio"
_FAMILY: Final = b"\ncontainer_blkio_device_usage_total{"
_LINE: Final = re.compile(rb"""^\w+\{([^\n]*\bid="/"[^\n]*)\} (\S+) (\d{10,16})$""", re.MULTILINE)
_LABEL: Final = re.compile(rb'(\w+)="((?:[^"\\]|\\.)*)"')
MOVED: Final = {b"Read", b"Write"}
"""Of the operations that are counted these two are disjoint and all."""


def read(body: bytes) -> dict[str, tuple[float, float]]:
    """By device the time and the bytes moved until then; empty where the node has no such counters."""
    found: dict[str, tuple[float, float]] = {}
    begin = body.find(_FAMILY)
    if begin < 0:
        return found
    # A family stands together: the rest, which is megabytes on a large node, need not be looked through.
    end = body.find(b"\n#", begin)
    for line in _LINE.finditer(body, begin + 1, len(body) if end < 0 else end):
        labels = dict(_LABEL.findall(line[1]))
        if labels.get(b"id") != b"/" or labels.get(b"operation") not in MOVED:
            continue
        try:
            value, time = float(line[2]), int(line[3]) / 1000
        except ValueError:
            continue
        if not math.isfinite(value) or value < 0:
            continue
        device = b":".join(labels.get(name, b"") for name in (b"major", b"minor", b"device")).decode(errors="replace")
        found[device] = time, found.get(device, (time, 0.0))[1] + value
    return found
