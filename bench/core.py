"""What one placement costs: the core alone, no cluster, on one core of the machine.

A cluster of 20 shapes with load and with others' Pods on it takes Tasks one after another, each charged before the
next and one in five ending again, as the cycle of the operator does it: in batches of one class, and all different.
Then the same on more and more nodes: how the cost grows.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import random
import resource
import statistics
import time
from pathlib import Path
from typing import Any

from bench.conditions import head
from bench.section import write
from loadstar.core.classes import class_of
from loadstar.core.ledger import Ledger
from loadstar.core.model import Load, Node, Placement, Sample, Taint, Toleration, Worker
from loadstar.core.nodes import Charge
from loadstar.core.placement import Placed, place
from loadstar.core.policy import Policy
from loadstar.core.request import Request
from loadstar.core.template import Template

RESULT = Path(__file__).parent / "results" / "core.json"
DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN = "<!-- core: written by bench/core.py -->\n"
END = "<!-- end of core -->"
NODES = 5000
SIZES = (100, 500, 1000, 5000, 10_000, 50_000)
SHAPES = 20
TASKS = 5000
BATCH = 1000
MOST_A_NODE = 20
ROUNDS = 5
GIB = 2**30
NOW = 1_000_000.0
POLICY = Policy()
GPU = "capability.loadstar.dev/gpu"


def world(nodes: int) -> Ledger:
    """Nodes of 20 shapes: 5 sizes, with and without a capability, with and without a taint; half as loaded as full."""
    dice = random.Random(nodes)
    ledger = Ledger()
    for number in range(nodes):
        name = f"node-{number}"
        shape = number % SHAPES
        cores = (4, 8, 16, 32, 64)[shape % 5]
        allocatable = {"cpu": cores * 1000, "memory": cores * 4 * GIB - number * 4096, "pods": 250}
        node = Node(
            name,
            "1",
            ready=True,
            unschedulable=False,
            labels={"kubernetes.io/hostname": name, **({GPU: ""} if shape // 5 % 2 else {})},
            taints=(Taint("team", "a", "NoSchedule"),) if shape // 10 else (),
            allocatable=allocatable,
        )
        cpu, memory = dice.uniform(0, 0.8), dice.uniform(0.1, 0.7)
        taken = dice.uniform(0, 0.9)
        ledger.put_node(node)
        ledger.put(f"others-{number}", Charge(name, {"cpu": int(cores * 1000 * taken), "memory": cores * GIB}))
        used = Sample(cpu * cores, NOW - 5, 15, "bench")
        ledger.put_loads({name: Load(used, Sample(memory * cores * 4 * GIB, NOW - 5, 0, "bench"), None)})
    ledger.snapshot(POLICY, NOW)
    return ledger


def batches(dice: random.Random, tasks: int) -> list[Request]:
    """Tasks of one class after another, 1,000 each."""
    requests: list[Request] = []
    while len(requests) < tasks:
        template = different(dice, len(requests)).template
        requests += [Request(f"task-{len(requests) + number}", template) for number in range(BATCH)]
    return requests


def mixed(dice: random.Random, tasks: int) -> list[Request]:
    """No two Tasks alike."""
    return [different(dice, number) for number in range(tasks)]


def different(dice: random.Random, number: int) -> Request:
    """A Task of a class of its own; a third wants or requires a capability, half tolerates the taint."""
    requests = {"cpu": dice.randint(50, 500), "memory": dice.randint(2**26, 2**29)}
    tolerations = (Toleration(key="team", operator="Exists"),) if dice.random() < 0.5 else ()
    requires = ("gpu",) if dice.random() < 0.2 else ()
    prefers = ("gpu",) if dice.random() < 0.1 else ()
    worker = Worker(f'{{"image":"busybox:1.35","args":["{number}"]}}'.encode(), requests)
    return Request(f"task-{number}", Template(worker, Placement(tolerations=tolerations), requires, prefers))


def run(ledger: Ledger, requests: list[Request]) -> list[float]:
    """Place all; CPU seconds of each placement with its charge and the end of an earlier Task."""
    taken: list[float] = []
    for number, request in enumerate(requests):
        started = time.thread_time()
        decision = place(request, ledger.snapshot(POLICY, NOW))
        if not isinstance(decision, Placed) or not decision.node:
            raise SystemExit(f"there is room, and yet: {decision}")
        worker = request.template.worker
        expected = ledger.expected(class_of(worker), worker.requests)
        ledger.put(request.task_uid, Charge(decision.node, worker.requests, expected))
        if number % 5 == 4:
            ledger.drop(requests[number - 4].task_uid)
        taken.append(time.thread_time() - started)
    return taken


def measure(nodes: int) -> dict[str, Any]:
    """Rates and waits on so many nodes: the median of the rounds, each of which begins with the same cluster."""
    rates: dict[str, list[float]] = {"one": [], "mixed": []}
    walls: dict[str, list[float]] = {"one": [], "mixed": []}
    waits: list[float] = []
    refresh: list[float] = []
    for round_ in range(ROUNDS):
        for name, make in (("one", batches), ("mixed", mixed)):
            ledger, requests = world(nodes), make(random.Random(round_), min(TASKS, MOST_A_NODE * nodes))
            gc.collect()
            started = time.perf_counter()
            taken = run(ledger, requests)
            walls[name].append(len(taken) / (time.perf_counter() - started))
            rates[name].append(len(taken) / sum(taken))
            waits += taken
        refresh.append(new_samples(ledger))
    waits.sort()
    return {
        "nodes": nodes,
        "placements_per_s": round(statistics.median(rates["one"])),
        "mixed_per_s": round(statistics.median(rates["mixed"])),
        "p99_ms": round(waits[len(waits) * 99 // 100] * 1000, 3),
        "wall_placements_per_s": round(statistics.median(walls["one"])),
        "wall_mixed_per_s": round(statistics.median(walls["mixed"])),
        "longest_ms": round(waits[-1] * 1000, 3),
        "new_samples_ms": round(statistics.median(refresh) * 1000, 1),
    }


def new_samples(ledger: Ledger) -> float:
    """CPU seconds to take in a new sample of every node."""
    loads: dict[str, Load] = {}
    for name, load in ledger.loads.items():
        if load.cpu is not None and load.memory is not None:
            used = Sample(load.cpu.value * 1.01, NOW + 10, 15, "bench")
            loads[name] = Load(used, Sample(load.memory.value, NOW + 10, 0, "bench"), None)
    started = time.thread_time()
    ledger.put_loads(loads)
    ledger.snapshot(POLICY, NOW + 12)
    return time.thread_time() - started


def growth(rows: list[dict[str, Any]], rate: str) -> dict[str, float]:
    """Microseconds a placement at the least and the most nodes, how these grow, and how the nodes do."""
    first, last = rows[0], rows[-1]
    return {
        "us_at_least": round(1e6 / first[rate], 1),
        "us_at_most": round(1e6 / last[rate], 1),
        "ratio": round(first[rate] / last[rate], 2),
        "ratio_of_logarithms": round(math.log(last["nodes"]) / math.log(first["nodes"]), 2),
        "ratio_of_nodes": last["nodes"] / first["nodes"],
    }


def section(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    lines = [
        "`{command}`, {date}, commit {commit}, one of {machine}, Python {python}.".format(**result),
        "",
        "| nodes | one class, placements/s | all different, placements/s | p99 | longest | new samples of all nodes |",
        "|---|---|---|---|---|---|",
    ]
    row = "| {nodes:,} | {placements_per_s:,} | {mixed_per_s:,} | {p99_ms} ms | {longest_ms} ms | {new_samples_ms} ms |"
    lines += [row.format(**measured) for measured in result["rows"]]
    one, mix = result["growth"]["one_class"], result["growth"]["mixed"]
    grows = (
        f"{one['ratio_of_nodes']:.0f} times as many nodes make placing cost {one['ratio']} times as much in batches "
        f"of one class, {mix['ratio']} times when all are different; the logarithm grows {one['ratio_of_logarithms']} "
        "times."
    )
    lines += ["", grows]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="keep nothing")
    dry = parser.parse_args().dry
    conditions = head("make bench-core", nodes=NODES, shapes=SHAPES, tasks=TASKS, rounds=ROUNDS)
    rows = [measure(nodes) for nodes in SIZES]
    chosen = next(row for row in rows if row["nodes"] == NODES)
    result = {
        **conditions,
        "placements_per_s": chosen["placements_per_s"],
        "mixed_per_s": chosen["mixed_per_s"],
        "p99_ms": chosen["p99_ms"],
        "most_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "growth": {"one_class": growth(rows, "placements_per_s"), "mixed": growth(rows, "mixed_per_s")},
        "rows": rows,
    }
    print(json.dumps(result, indent=2))
    if not dry:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
        write(DOCUMENT, BEGIN, END, section(result))


if __name__ == "__main__":
    main()
