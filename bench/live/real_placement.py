"""`make bench-placement-real`: L3, LoadAware and kube-scheduler on real nodes with real load, pair by pair.

Both policies of a pair meet the same Tasks at the same moments on nodes with the same others on them; who goes first
alternates. One operator serves all runs, and what it learned of classes in a run before the first pair it goes on with,
as in a cluster: the Tasks that are left to kube-scheduler pass through the same operator. Each run is kept when it has
ended, and not run again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench.conditions import head
from bench.live import real_page
from bench.live.real_burner import counted_per_second
from bench.live.real_ground import METRIC_SECONDS, RealGround
from bench.live.real_kept import Kept, KeptError
from bench.live.real_run import run
from bench.live.real_summary import keep
from bench.live.real_trace import CORES, trace
from bench.throughput.observer import Disturbed
from bench.throughput.run import leading, leaves
from bench.throughput.session import RequestError, Session
from tests.cluster.errors import BedError

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "bench" / "results" / "placement-real.json"
LOGS = ROOT / "build" / "bench"
POLICIES = {"LoadAware": "LoadAware", "KubeScheduler": "KubeScheduler"}
"""By the name in reports, the strategy of a Task."""
SEEDS = tuple(range(3001, 3021))
WARM_SEED = 3000
WARM_SECONDS = 150.0
TRIES = 2


def main(arguments: list[str]) -> int:
    """Run what is missing, then write the report; returns the exit code."""
    given = parser().parse_args(arguments)
    LOGS.mkdir(parents=True, exist_ok=True)
    if given.anew:
        given.out.unlink(missing_ok=True)
    settings = {"seconds": given.seconds, "rate": given.rate, "cores": CORES, "metrics_every_s": METRIC_SECONDS}
    command = os.environ.get("BENCH_COMMAND") or "python -m bench.live.real_placement"
    try:
        kept = Kept(given.out, settings, head(command, **settings))
        missing = [item for item in order(given.pairs) if name_of(*item) not in kept.runs]
        if missing and not given.report:
            asyncio.run(pairs(given, kept, missing))
    except KeyboardInterrupt:
        print(f"interrupted; {given.out} has what was run", file=sys.stderr)
        return 130
    except (BedError, Disturbed, KeptError, RequestError, RuntimeError, OSError, ExceptionGroup) as error:
        print(f"error: {'; '.join(str(leaf) for leaf in leaves(error))}", file=sys.stderr)
        return 1
    if not given.dry:
        keep(kept)
        real_page.write_placement(kept)
    return 0


def order(count: int) -> list[tuple[int, str]]:
    """Seeds and policies, in the order of runs: who goes first alternates."""
    names = list(POLICIES)
    return [(seed, name) for n, seed in enumerate(SEEDS[:count]) for name in (names if n % 2 == 0 else names[::-1])]


def name_of(seed: int, policy: str) -> str:
    """Of a run."""
    return f"{seed} {policy}"


async def pairs(given: argparse.Namespace, kept: Kept, missing: list[tuple[int, str]]) -> None:
    """All runs that are missing, on one bed and with one operator."""
    ground = RealGround(given.name, ROOT, LOGS)
    per_second = kept.document["conditions"].setdefault("counted_per_cpu_s", round(counted_per_second()))
    print(f"== {len(missing)} runs of {given.seconds:g} s; this machine counts to {per_second} a CPU second", flush=True)
    try:
        await asyncio.to_thread(ground.up_real)
        async with Session(ground.bed) as session, leading(ground, 1):
            await ground.edit(session, metrics={"sources": {"pods": "Kubelet"}})
            if given.warm:
                print(f"   warm-up of {given.warm:g} s", flush=True)
                lead = trace(WARM_SEED, given.warm, given.rate)
                await ground.settle(session, lead.others, per_second)
                await run(ground, session, lead, "LoadAware", per_second, given.warm)
            for seed, policy in missing:
                await pair_half(ground, session, kept, seed, policy, per_second, given)
    finally:
        if not given.keep:
            await asyncio.to_thread(ground.down)


async def pair_half(
    ground: RealGround,
    session: Session,
    kept: Kept,
    seed: int,
    policy: str,
    per_second: float,
    given: argparse.Namespace,
) -> None:
    """One run, once more when it was disturbed."""
    found = trace(seed, given.seconds, given.rate)
    for attempt in range(TRIES):
        started = time.monotonic()
        await ground.settle(session, found.others, per_second)
        try:
            row = await run(ground, session, found, POLICIES[policy], per_second, given.seconds)
        except* Disturbed as error:
            told = "; ".join(str(leaf) for leaf in leaves(error))
            if attempt == TRIES - 1:
                raise
            print(f"   disturbed, once more: {told}", flush=True)
        else:
            kept.keep(name_of(seed, policy), {"seed": seed, "policy": policy, **row})
            print(f"   {line(seed, policy, row)}; took {time.monotonic() - started:.0f} s", flush=True)
            return


def line(seed: int, policy: str, row: Json) -> str:
    """To be read while it goes on."""
    found = row["measures"]
    return (
        f"{seed} {policy:13} {len(row['tasks'])} Tasks: run x{found['mean']:.3f}, p99 x{found['p99']:.2f}, "
        f"to the end {row['completion_mean_s']:.1f} s, p99 {row['completion_p99_s']:.1f} s, sd {found['sd']:.3f}, "
        f"use {row['use']}, machine idle {row['machine_idle']:.0%}"
    )


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    made = argparse.ArgumentParser(prog="python -m bench.live.real_placement", description=__doc__)
    add = made.add_argument
    add("--pairs", type=int, default=5, choices=range(1, len(SEEDS) + 1), metavar="1..20", help="default: %(default)s")
    add("--seconds", type=float, default=150.0, help="how long Tasks arrive in each run (default: %(default)g)")
    add("--rate", type=float, default=0.27, help="Tasks a second (default: %(default)g)")
    add("--warm", type=float, default=WARM_SECONDS, help="seconds of the run before the first (default: %(default)g)")
    add("--out", type=Path, default=RUNS, help="where runs are kept (default: %(default)s)")
    add("--name", default="real", help="which bed (default: %(default)s)")
    add("--keep", action="store_true", help="leave the bed up")
    add("--anew", action="store_true", help="forget the runs that are kept")
    add("--dry", action="store_true", help="write no report")
    add("--report", action="store_true", help="only the report of the runs that are kept")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
