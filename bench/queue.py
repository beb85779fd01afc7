"""What waiting costs: the queue of priorities and the backlog alone, and a whole cycle in which nothing can be placed.

No cluster, on one core of the machine: CPU seconds, since others may use it too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.conditions import head
from bench.section import write
from loadstar.core.backlog import Backlog
from loadstar.core.model import Node, Task, Worker
from loadstar.core.policy import Policy, WhenFull
from loadstar.core.priority_queue import PriorityQueue
from loadstar.core.queues import TaskQueue
from loadstar.core.waiting import Waiting
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.store import Key, Store

RESULT = Path(__file__).parent / "results" / "queue.json"
DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN = "<!-- queue: written by bench/queue.py -->\n"
END = "<!-- end of queue -->"
SIZES = (10_000, 100_000, 1_000_000)
WAITING = 100_000
OPERATIONS = 20_000
ROUNDS = 5
CYCLES = 20
NODES = (100, 5_000)
QUEUES = 10
FORMS = 20


class TurnedClock:
    """Turned by hand."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def now(self) -> float:
        """The time."""
        return self.time

    def boottime(self) -> float:
        """The time."""
        return self.time


@contextmanager
def cpu(taken: list[float]) -> Iterator[None]:
    """Note how many CPU seconds this takes."""
    started = time.thread_time()
    yield
    taken.append(time.thread_time() - started)


def operations(pending: int) -> float:
    """Push, change, pop and remove a second, mixed at random, while so many are in: two pushes to one of each."""
    dice = random.Random(pending)
    queue: PriorityQueue[Key] = PriorityQueue()
    keys = [("ns", f"t{number}") for number in range(pending + ROUNDS * OPERATIONS)]
    last = pending
    for key in keys[:pending]:
        queue.push(key, (dice.random(), 0.0, key[1]))

    def one() -> Key:
        """One that is in."""
        while (key := keys[dice.randrange(last)]) not in queue:
            pass
        return key

    rates: list[float] = []
    for _ in range(ROUNDS):
        steps = ["push", "push", "change", "pop", "remove"] * (OPERATIONS // 5)
        dice.shuffle(steps)
        taken: list[float] = []
        with cpu(taken):
            for step in steps:
                if step == "push":
                    queue.push(keys[last], (dice.random(), 0.0, ""))
                    last += 1
                elif step == "pop":
                    queue.pop()
                elif step == "change":
                    queue.change_priority(one(), (dice.random(), 0.0, ""))
                else:
                    queue.remove(one())
        rates.append(OPERATIONS / taken[0])
    return statistics.median(rates)


def backlog_operations(pending: int) -> float:  # noqa: C901 - one case an operation
    """The same of the backlog: Tasks of 10 queues and 20 forms that come, change their priority, get a node, go."""
    dice = random.Random(pending)
    backlog = Backlog()
    backlog.put_node("node", {"cpu": 10**9, "memory": 2**50, "pods": 10**7})
    for number in range(QUEUES):
        backlog.put_queue(TaskQueue("ns", f"q{number}", weight=1 + number))
    tasks = [waiting(dice, number) for number in range(pending + ROUNDS * OPERATIONS)]
    last = pending
    for task in tasks[:pending]:
        backlog.put(task)

    def one() -> Key:
        """One that waits."""
        while (key := tasks[dice.randrange(last)].key) not in backlog:
            pass
        return key

    rates: list[float] = []
    for _ in range(ROUNDS):
        steps = ["put", "put", "change", "place", "drop"] * (OPERATIONS // 5)
        dice.shuffle(steps)
        taken: list[float] = []
        with cpu(taken):
            for step in steps:
                if step == "put":
                    backlog.put(tasks[last])
                    last += 1
                elif step == "change":
                    backlog.change(one(), dice.randrange(1001))
                elif step == "drop":
                    backlog.drop(one())
                elif (line := backlog.next()) is not None:
                    first = line.first
                    backlog.hold(first, line.lane.name, {"cpu": 100, "memory": 2**26})
                    backlog.drop(first)
        rates.append(OPERATIONS / taken[0])
    return statistics.median(rates)


def waiting(dice: random.Random, number: int) -> Waiting:
    """A Task of one of the queues and forms."""
    created, queue, form = dice.random() * 1e4, f"q{number % QUEUES}", number % FORMS
    return Waiting(("ns", f"t{number}"), str(number), queue, dice.randrange(1001), created, created, form)


def full_cluster(nodes: int, tasks: int, *, sizes: int, documents: bool) -> tuple[Cycle, Store, TurnedClock]:
    """So many Tasks that ask for nodes of which each is full."""
    clock, store = TurnedClock(), Store()
    store.policy = Policy(when_full=WhenFull.HOLD)
    allocatable = {"cpu": 4000, "memory": 2**34, "pods": 110}
    for number in range(nodes):
        name = f"node-{number}"
        store.apply_node(
            Node(name, "1", ready=True, unschedulable=False, labels={}, taints=(), allocatable=allocatable)
        )
        store.apply_other(f"other-{number}", name, {"cpu": 3950})
    told: list[Key] = []
    cycle = Cycle(store, clock, told.append)
    base = Task("ns", "", "", "1", 1, clock.time, None)
    for number in range(tasks):
        document = f'{{"args":["{number}"]}}'.encode() if documents else b"{}"
        own = Worker(document, {"cpu": 100 + number % sizes, "memory": 2**26})
        one = replace(base, name=f"t{number}", uid=str(number), worker=own, priority=number % 1001)
        store.apply_task(one)
        cycle.request(one.key)
    return cycle, store, clock


async def cycles(nodes: int, *, sizes: int = 1, documents: bool = False) -> dict[str, Any]:
    """CPU milliseconds of a cycle over so many Tasks that can place none, once it was said why."""
    cycle, _, clock = full_cluster(nodes, WAITING, sizes=sizes, documents=documents)
    first: list[float] = []
    with cpu(first):
        await cycle._place_all()  # noqa: SLF001 - one cycle, and not the loop around it
    gc.collect()
    taken: list[float] = []
    for _ in range(CYCLES):
        clock.time += 1.0
        with cpu(taken):
            await cycle._place_all()  # noqa: SLF001 - see above
    return {
        "nodes": nodes,
        "sizes": sizes,
        "different_workers": documents,
        "first_ms": round(first[0] * 1000, 1),
        "median_ms": round(statistics.median(taken) * 1000, 2),
        "longest_ms": round(max(taken) * 1000, 2),
    }


def section(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    lines = [
        "`{command}`, {date}, commit {commit}, one of {machine}, Python {python}.".format(**result),
        "",
        "| pending | priority queue, operations/s | backlog, operations/s |",
        "|---|---|---|",
    ]
    row = "| {pending:,} | {operations_per_s:,} | {backlog_per_s:,} |"
    lines += [row.format(**measured) for measured in result["rows"]]
    lines += [
        "",
        f"A cycle over {WAITING:,} waiting Tasks that can place none, by how many different requests they make:",
        "",
        "| nodes | requests | what they run | the first cycle | median of the next | longest of these |",
        "|---|---|---|---|---|---|",
    ]
    row = "| {nodes:,} | {sizes:,} | {runs} | {first_ms} ms | {median_ms} ms | {longest_ms} ms |"
    lines += [
        row.format(**one, runs="all different" if one["different_workers"] else "the same") for one in result["cycles"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="keep nothing")
    dry = parser.parse_args().dry
    conditions = head("make bench-queue", waiting=WAITING, operations=OPERATIONS, rounds=ROUNDS, cycles=CYCLES)
    rows = [
        {
            "pending": pending,
            "operations_per_s": round(operations(pending)),
            "backlog_per_s": round(backlog_operations(pending)),
        }
        for pending in SIZES
    ]
    cases = [(nodes, sizes, documents) for nodes in NODES for sizes, documents in ((1, False), (1, True), (1000, True))]
    found = [asyncio.run(cycles(nodes, sizes=sizes, documents=documents)) for nodes, sizes, documents in cases]
    chosen = next(row for row in rows if row["pending"] == WAITING)
    result = {
        **conditions,
        "operations_per_s": chosen["operations_per_s"],
        "backlog_per_s": chosen["backlog_per_s"],
        "cycle_ms": max(one["median_ms"] for one in found),
        "rows": rows,
        "cycles": found,
    }
    print(json.dumps(result, indent=2))
    if not dry:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
        write(DOCUMENT, BEGIN, END, section(result))


if __name__ == "__main__":
    main()
