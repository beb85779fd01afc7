"""`python -m bench.live placement`, `python -m bench.live learned`: L2, pair by pair.

A pair that is kept is not run again; what is kept is written into the results after every pair.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop

from bench.conditions import ROOT, head
from bench.live import learned, placement
from bench.live.benchmark import Benchmark
from bench.live.field import METRIC_SECONDS, ground
from bench.live.pair import pair
from bench.live.pairs import Pairs, when
from bench.live.units import Units
from bench.throughput.observer import Disturbed
from bench.throughput.run import leaves
from tests.cluster.errors import BedError

Json = dict[str, Any]

BENCHMARKS: Mapping[str, Benchmark] = {each.name: each for each in (placement.BENCHMARK, learned.BENCHMARK)}
PAIRS = ROOT / "bench" / "results" / "live.json"
LOGS = ROOT / "build" / "bench" / "live"
TRIES = 2
MOST_SECONDS = 1500.0
"""A pair that takes longer is given up."""


def main(arguments: list[str]) -> int:
    """Run what is not kept yet; returns the exit code."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    benchmark = BENCHMARKS[given.benchmark]
    names = given.scenarios or list(benchmark.scenarios)
    if strange := set(names) - set(benchmark.scenarios):
        print(f"no scenario {', '.join(sorted(strange))}: there are {', '.join(benchmark.scenarios)}", file=sys.stderr)
        return 2
    pairs = Pairs(given.pairs_file, benchmark.name)
    conditions = head(
        os.environ.get("BENCH_COMMAND") or f"python -m bench.live {shlex.join(arguments)}",
        nodes=benchmark.nodes,
        seconds=given.seconds or dict(benchmark.seconds),
        metrics_every_s=METRIC_SECONDS,
    )
    failed = False
    try:
        # A pair of every scenario, then the next: when it is ended early all scenarios have as many.
        for seed in () if given.draw else benchmark.seeds[: given.pairs]:
            for name in names:
                if seed not in pairs.of(name):
                    failed |= not _make(benchmark, pairs, name, seed, given, conditions)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on with what is not kept, --draw writes what is", file=sys.stderr)
        return 130
    kept = {name: each for name in benchmark.scenarios if (each := pairs.of(name))}
    if not given.dry and kept:
        benchmark.publish(kept, {**conditions, **when(pair for each in kept.values() for pair in each.values())})
    return int(failed)


def _make(
    benchmark: Benchmark, pairs: Pairs, name: str, seed: int, given: argparse.Namespace, conditions: Json
) -> bool:
    """Make one pair and keep it; False when it could not be made."""
    met = benchmark.trace(name, seed, given.seconds or benchmark.seconds[name])
    ways = turned(benchmark.ways(), seed)
    grounds = [ground(f"{given.name}{number}", ROOT, LOGS / policy) for number, policy in enumerate(ways)]
    for attempt in range(TRIES):
        print(f"== {name}, seed {seed}: {len(met.jobs)} Tasks", flush=True)
        started = time.monotonic()
        try:
            row = uvloop.run(_bounded(grounds, ways, met, benchmark.patience))
        except (Disturbed, BedError, TimeoutError, RuntimeError, OSError, ExceptionGroup) as error:
            print(f"   disturbed: {'; '.join(str(leaf) or type(leaf).__name__ for leaf in leaves(error))}", flush=True)
            if attempt + 1 < TRIES:
                continue
            return False
        finally:
            for each in grounds:
                each.down()
        row = {
            "date": conditions["date"],
            "commit": conditions["commit"],
            "took_s": round(time.monotonic() - started),
            **row,
            "twins": benchmark.twins(met, seed),
        }
        pairs.keep(name, seed, row)
        for line in _lines(row):
            print(f"   {line}", flush=True)
        return True
    return False


def turned(ways: Mapping[str, Units], seed: int) -> dict[str, Units]:
    """The ways, another one first with every seed."""
    names = list(ways)
    first = seed % len(names)
    return {name: ways[name] for name in names[first:] + names[:first]}


async def _bounded(grounds: Any, ways: Any, met: Any, patience: float) -> Json:
    async with asyncio.timeout(MOST_SECONDS):
        return await pair(grounds, ways, met, patience)


def _lines(row: Json) -> list[str]:
    said = [f"took {row['took_s']} s, of the machine {row['machine']}"]
    for policy, one in row["policies"].items():
        out, twin = one["outcome"], row["twins"][policy]
        said.append(
            f"{policy:14} mean {out['mean']:.3f} p99 {out['p99']:.2f} with the wait {out['total_mean']:.3f}"
            f" (simulated {twin['mean']:.3f} {twin['p99']:.2f} {twin['total_mean']:.3f}), sd {out['sd']:.3f},"
            f" killed {one['killed']}, failed {one['failed']}, left {one['left']},"
            f" lags p99: creates {one['create_lag']['p99']:.2f} s, ends {one['end_lag']['p99']:.2f} s"
        )
    return said


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    add = parser.add_argument
    add("benchmark", choices=sorted(BENCHMARKS))
    add("--pairs", type=int, default=5, help="how many seeds of each scenario (default: all 5)")
    add("--scenarios", type=str.split, default=[], help="only these, in quotes")
    add("--seconds", type=float, default=0.0, help="for how long Tasks arrive, for a trial (default: as is kept)")
    add("--pairs-file", type=Path, default=PAIRS, help="where pairs are kept (default: %(default)s)")
    add("--dry", action="store_true", help="write no results but the pairs")
    add("--draw", action="store_true", help="run nothing: results from what is kept")
    add("--name", default="live", help="what beds are called, with a number (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
