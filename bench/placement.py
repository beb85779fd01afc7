"""What one placement costs as the cluster grows: LoadAware against KubeScheduler, which filters alike, ranks nothing.

Both strategies place the same Tasks on the same nodes in turn, several rounds in one run; the ratio is what ranking
costs, and the growth over nodes shows what a larger cluster costs.
"""

from __future__ import annotations

import json
import platform
import random
import statistics
import time
from pathlib import Path
from typing import Any

from loadstar.core.ledger import Ledger
from loadstar.core.model import Load, Node, Placement, Policy, Sample, Strategy, Worker
from loadstar.core.placement import Placed, Request, place
from loadstar.core.snapshot import Charge, reservation
from loadstar.core.template import Template

RESULT = Path(__file__).parent / "results" / "placement.json"
SIZES = (10, 100, 1000, 5000)
TASKS = 200
ROUNDS = 7
NOW = 1_000_000.0


def world(nodes: int) -> Ledger:
    """Nodes of 16 cores with random load."""
    dice = random.Random(nodes)
    allocatable = {"cpu": 16_000, "memory": 64 * 2**30, "pods": 250}
    ledger = Ledger()
    for number in range(nodes):
        name = f"node-{number}"
        node = Node(name, "1", ready=True, unschedulable=False, labels={}, taints=(), allocatable=allocatable)
        cpu, memory = 16 * dice.uniform(0, 0.7), dice.uniform(4, 32) * 2**30
        load = Load(Sample(cpu, NOW - 5, 15, "bench"), Sample(memory, NOW - 5, 0, "bench"), None)
        ledger.put_loads({name: load})
        ledger.put_node(node)
    return ledger


def once(nodes: int, strategy: Strategy) -> float:
    """Microseconds a Task to place all of them, each assumed before the next."""
    ledger, policy = world(nodes), Policy()
    worker = Worker(b'{"image":"busybox:1.35"}', {"cpu": 100, "memory": 64 * 2**20})
    template = Template(worker, Placement(strategy), (), ())
    started = time.perf_counter()
    for number in range(TASKS):
        decision = place(Request(f"task-{number}", template), ledger.snapshot(policy, NOW))
        if isinstance(decision, Placed) and decision.node:
            ledger.put(f"task-{number}", Charge(decision.node, worker.requests, reservation(worker.requests)))
    return (time.perf_counter() - started) / TASKS * 1e6


def main() -> None:
    """Measure in turn, print, keep."""
    rows: list[dict[str, Any]] = []
    for nodes in SIZES:
        pairs = [(once(nodes, Strategy.LOAD_AWARE), once(nodes, Strategy.KUBE_SCHEDULER)) for _ in range(ROUNDS)]
        ratios = [ours / plain for ours, plain in pairs]
        rows.append(
            {
                "nodes": nodes,
                "us_per_placement": round(statistics.median(ours for ours, _ in pairs), 1),
                "over_filter_only": {
                    "median": round(statistics.median(ratios), 2),
                    "min": round(min(ratios), 2),
                    "max": round(max(ratios), 2),
                },
            }
        )
    result = {
        "command": "make bench",
        "tasks": TASKS,
        "rounds": ROUNDS,
        "python": platform.python_version(),
        "rows": rows,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
