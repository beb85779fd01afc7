"""`make bench-placement-real`: L3, LoadAware and kube-scheduler on real nodes with real load, pair by pair.

Both policies of a pair meet the same Tasks at the same moments on nodes with the same others on them; who goes first
alternates. One operator serves all runs, and goes on with what it learned of classes in a run before the first pair, as
in a cluster. Each run is kept when it has ended, and not run again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from bench.conditions import ROOT, head
from bench.live.attempts import undisturbed
from bench.live.pairs import Pairs, when
from bench.live.real_burner import counted_per_second
from bench.live.real_ground import METRIC_SECONDS, RealGround
from bench.live.real_report import POLICIES, SCENARIO, publish
from bench.live.real_run import LEAST_IDLE, run
from bench.live.real_trace import CORES, Trace, trace
from bench.placement.scenarios import OURS
from bench.throughput.observer import Disturbed
from bench.throughput.run import leading, leaves
from bench.throughput.session import RequestError, Session
from tests.cluster.errors import BedError

Json = dict[str, Any]

RUNS = ROOT / "bench" / "results" / "real.json"
LOGS = ROOT / "build" / "bench" / "real"
FIRST_SEED = 4101
"""Of seeds on which nothing was developed."""
LEAD_SEED = 4000
LEAD_SECONDS = 150.0
MOST_SECONDS = 900.0
"""A run that takes longer, with all that is before and after it, is given up."""


def main(arguments: list[str]) -> int:
    """Run what is not kept yet, then write the report; returns the exit code."""
    given = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pairs = Pairs(given.runs_file, "placement")
    settings = {"seconds": given.seconds, "rate": given.rate, "cores_a_node": CORES, "metrics_every_s": METRIC_SECONDS}
    conditions = head(os.environ.get("BENCH_COMMAND") or "python -m bench.live.real_placement", nodes=3, **settings)
    if unlike := [seed for seed, pair in pairs.of(SCENARIO).items() if pair["settings"] != settings]:
        text = "give the same again, or another --runs-file"
        print(f"error: {given.runs_file} has pair {unlike[0]} under other settings than {settings}: {text}")
        return 2
    missing = [item for item in order(given.first, given.pairs) if item[1] not in policies(pairs, item[0])]
    try:
        if missing and not given.draw:
            LOGS.mkdir(parents=True, exist_ok=True)
            asyncio.run(make(given, pairs, missing, {"settings": settings, **conditions}))
    except KeyboardInterrupt:
        print(f"interrupted; {given.runs_file} has what was run", file=sys.stderr)
        return 130
    except (BedError, Disturbed, RequestError, RuntimeError, TimeoutError, OSError, ExceptionGroup) as error:
        print(f"error: {'; '.join(str(leaf) or type(leaf).__name__ for leaf in leaves(error))}", file=sys.stderr)
        return 1
    whole = {seed: pair for seed, pair in pairs.of(SCENARIO).items() if pair["policies"].keys() >= set(POLICIES)}
    if whole and not given.dry:
        publish(whole, {seed: met(seed, given) for seed in whole}, lead(given), {**conditions, **when(whole.values())})
    return 0


def order(first: int, count: int) -> list[tuple[int, str]]:
    """Seeds and policies, in the order of runs: who goes first alternates."""
    names = list(POLICIES)
    return [
        (seed, name)
        for n, seed in enumerate(range(first, first + count))
        for name in (names if n % 2 == 0 else names[::-1])
    ]


def policies(pairs: Pairs, seed: int) -> Json:
    """What is kept of a pair."""
    return dict(pairs.of(SCENARIO).get(seed, {}).get("policies", {}))


def met(seed: int, given: argparse.Namespace) -> Trace:
    """What both policies meet."""
    return trace(seed, given.seconds, given.rate)


def lead(given: argparse.Namespace) -> Trace:
    """What classes are learned from."""
    return trace(LEAD_SEED, given.lead, given.rate)


async def make(given: argparse.Namespace, pairs: Pairs, missing: list[tuple[int, str]], about: Json) -> None:
    """All runs that are missing, on one bed and with one operator."""
    ground = RealGround(given.name, ROOT, LOGS)
    kept = [pair["counted_per_cpu_s"] for pair in pairs.of(SCENARIO).values()]
    per_second = kept[0] if kept else round(counted_per_second())
    print(f"== {len(missing)} runs of {given.seconds:g} s; a core counts to {per_second} a second", flush=True)
    try:
        await asyncio.to_thread(ground.up_real)
        async with Session(ground.bed) as session, leading(ground, 1):
            await ground.edit(session, metrics={"sources": {"pods": "Kubelet"}})
            if given.lead:
                print(f"   a run of {given.lead:g} s from which classes are learned", flush=True)
                await once(ground, session, lead(given), OURS, per_second, given.least_idle)
            for seed, policy in missing:
                row = await once(ground, session, met(seed, given), policy, per_second, given.least_idle)
                former = policies(pairs, seed)
                kept_about = {name: about[name] for name in ("settings", "date", "commit")}
                whole = {**kept_about, "counted_per_cpu_s": per_second, "policies": {**former, policy: row}}
                pairs.keep(SCENARIO, seed, whole)
                print(f"   {line(seed, policy, row)}", flush=True)
    finally:
        if not given.keep:
            await asyncio.to_thread(ground.down)


async def once(
    ground: RealGround, session: Session, found: Trace, policy: str, per_second: float, least_idle: float
) -> Json:
    """One run, once more when it was disturbed. Raises Disturbed when it was again."""

    async def once_more(_: int) -> Json:
        await ground.settle(session, found.others, per_second)
        return await run(ground, session, found, policy, per_second, least_idle)

    return await undisturbed(once_more, MOST_SECONDS)


def line(seed: int, policy: str, row: Json) -> str:
    """To be read while it goes on."""
    found = row["measures"]
    return (
        f"{seed} {policy:13} {len(row['tasks'])} Tasks: run x{found['mean']:.3f}, p99 x{found['p99']:.2f}, "
        f"to the end {row['completion_mean_s']:.1f} s, p99 {row['completion_p99_s']:.1f} s, sd {found['sd']:.3f}, "
        f"use {row['use']}, machine idle for {row['machine_idle']:.0%}; took {row['took_s']} s"
    )


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    made = argparse.ArgumentParser(prog="python -m bench.live.real_placement", description=__doc__)
    add = made.add_argument
    add("--pairs", type=int, default=5, choices=range(1, 21), metavar="1..20", help="default: %(default)s")
    add("--first", type=int, default=FIRST_SEED, help="the seed of the first pair (default: %(default)s)")
    add("--seconds", type=float, default=180.0, help="how long Tasks arrive in each run (default: %(default)g)")
    add("--rate", type=float, default=0.27, help="Tasks a second (default: %(default)g)")
    add("--lead", type=float, default=LEAD_SECONDS, help="seconds of the run before the first (default: %(default)g)")
    add("--runs-file", type=Path, default=RUNS, help="where runs are kept (default: %(default)s)")
    text = "a run is disturbed when less of the machine is left over (default: %(default)g)"
    add("--least-idle", type=float, default=LEAST_IDLE, help=text)
    add("--name", default="real", help="which bed (default: %(default)s)")
    add("--keep", action="store_true", help="leave the bed up")
    add("--dry", action="store_true", help="write no report")
    add("--draw", action="store_true", help="run nothing: the report of the runs that are kept")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
