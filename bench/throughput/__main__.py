"""`make bench-throughput`: Loadstar and Jobs in turn on the same simulated nodes, then the memory of many Tasks.

Sizes are not crossed: the first count of units is run on every count of nodes, and every count of units on the first
count of nodes. Only where both are the first (the headline) all PAIRS are run; elsewhere MORE_PAIRS.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from bench.throughput.ground import TUNING, Ground
from bench.throughput.memory import measure_memory, nodes_for
from bench.throughput.observer import Disturbed
from bench.throughput.report import Report, cluster_ms, controller_ms
from bench.throughput.rivals import PODS, Job, Loadstar, Rival
from bench.throughput.run import Conditions, leaves, measure
from bench.throughput.session import Session
from tests.cluster.errors import BedError

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "bench" / "results" / "throughput.json"
LOGS = ROOT / "build" / "bench"
WARM_UP = 400


def main(arguments: list[str]) -> int:
    """Run all that was asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = Report(
        options.out, _command(arguments), _settings(options), (options.units[0], options.nodes[0]), options.root
    )
    LOGS.mkdir(parents=True, exist_ok=True)
    tuning = replace(TUNING, job_syncs=options.job_syncs, gc_percent=options.gc_percent)
    ground = Ground(options.name, options.root.resolve(), LOGS, tuning)
    started = time.monotonic()
    try:
        for nodes in options.nodes:
            sizes = options.units if nodes == options.nodes[0] else options.units[:1]
            print(f"== {nodes} nodes: {', '.join(map(str, sizes))} units", flush=True)
            ground.up(nodes)
            uvloop.run(_compare(ground, options, report, sizes))
        if options.memory:
            print(f"== memory with {options.memory} Tasks", flush=True)
            ground.up(nodes_for(options.memory))
            report.memory = uvloop.run(_memory(ground, options.memory))
        report.write(complete=True)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted", file=sys.stderr)
        return 130
    except (BedError, Disturbed, RuntimeError, OSError, ExceptionGroup) as error:
        print(f"error: {'; '.join(str(leaf) for leaf in leaves(error))}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            ground.down()
    print(f"== {options.out} after {time.monotonic() - started:.0f} s", flush=True)
    return 0


async def _compare(ground: Ground, options: argparse.Namespace, report: Report, sizes: list[int]) -> None:
    """All runs on one bed."""
    loadstar, job = Loadstar(options.seconds), Job(options.seconds)
    rivals: list[Rival] = [rival for rival in (loadstar, job) if options.only in {None, rival.name}]
    conditions = Conditions(options.width, options.rate, options.replicas)
    headline = ground.nodes == options.nodes[0]
    async with Session(ground.bed) as session:
        print("   warm-up", flush=True)
        await measure(ground, session, loadstar, WARM_UP, conditions)
        pod = (await session.names(PODS, limit=1))[0]
        job.learn(await session.json("GET", f"{PODS}/{pod}"))
        if job in rivals:
            await measure(ground, session, job, WARM_UP, conditions)
        conditions = Conditions(options.width, options.rate, options.replicas, LOGS if options.profile else None)
        for units in sizes:
            pairs = options.pairs if headline and units == options.units[0] else options.more_pairs
            for pair in range(pairs):
                for rival in rivals if pair % 2 == 0 else rivals[::-1]:
                    row = await measure(ground, session, rival, units, conditions)
                    report.add({"pair": pair, **row})
                    print(f"   {_line(row)}", flush=True)


async def _memory(ground: Ground, count: int) -> dict[str, Any]:
    async with Session(ground.bed) as session:
        return await measure_memory(ground, session, count)


def _line(row: dict[str, Any]) -> str:
    waits = row["to_running_s"]
    return (
        f"{row['rival']:8} {row['units']:5} units {row['nodes']:4} nodes:"
        f" {row['per_s']:6.1f}/s in {row['seconds']:.1f} s,"
        f" to Running p50 {waits['p50']:.2f} p99 {waits['p99']:.2f} s, {row['own_calls_per_unit']:.2f} calls,"
        f" CPU a unit {controller_ms(row):.2f} ms, of the cluster {cluster_ms(row):.1f} ms, {row['failed']} failed"
    )


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "units": options.units,
        "nodes": options.nodes,
        "pairs": options.pairs,
        "more_pairs": options.more_pairs,
        "run_seconds": options.seconds,
        "creates_at_once": options.width,
        "creates_per_s": options.rate or None,
        "operator_replicas": options.replicas,
        "profiled": options.profile,
        "job_syncs": options.job_syncs or "stock (5)",
        "api_server_gogc": options.gc_percent or "stock (100)",
        "controller_manager_qps": 1000,
        "node_lease_seconds": TUNING.node_lease_seconds,
        "node_monitor_grace_seconds": TUNING.node_grace_seconds,
        "metrics_every_seconds": TUNING.metric_seconds,
        "pods_a_node": TUNING.node_pods,
    }


def _command(arguments: list[str]) -> str:
    return os.environ.get("BENCH_COMMAND") or f"python -m bench.throughput {shlex.join(arguments)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)

    def numbers(text: str) -> list[int]:
        return sorted({int(word) for word in text.replace(",", " ").split()})

    add = parser.add_argument
    add("--units", type=numbers, default=[1000], help='how many units, such as "1000 2000" (default: 1000)')
    add("--nodes", type=numbers, default=[100], help="on how many simulated nodes (default: 100)")
    add("--pairs", type=int, default=5, help="pairs of runs at the first size (default: %(default)s)")
    add("--more-pairs", type=int, default=1, help="pairs of runs at every other size (default: %(default)s)")
    add("--memory", type=int, default=0, help="weigh the operator with so many Tasks and Pods (default: not)")
    add("--seconds", type=int, default=1, help="how long each unit's container runs (default: %(default)s)")
    add("--width", type=int, default=32, help="how many creates are under way at once (default: %(default)s)")
    add("--rate", type=float, default=0, help="creates a second at most (default: as many as go)")
    add("--replicas", type=int, default=1, help="replicas of the operator; the first leads (default: %(default)s)")
    add("--job-syncs", type=int, help="how many Jobs their controller works on at once (default: its own, 5)")
    add("--gc-percent", type=int, help="GOGC of the API server (default: its own, 100)")
    add("--only", choices=["loadstar", "job"], help="one rival alone")
    add("--profile", action="store_true", help="sample the operator's stacks and print where its CPU goes")
    add("--root", type=Path, default=ROOT, help="the checkout whose operator and chart are measured (default: this)")
    add("--out", type=Path, default=RESULT, help="where the result goes (default: %(default)s)")
    add("--name", default="bench", help="which bed (default: %(default)s)")
    add("--keep", action="store_true", help="leave the bed up")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
