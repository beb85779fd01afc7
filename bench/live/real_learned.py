"""`make bench-learned-real`: L3 of learned requests, round by round, on three real nodes.

A round: more Tasks than there is room for, which declare three times what they use, with learned requests and without,
who goes first in turn; then a new class that uses little ten times and then much, so that nodes run out of memory and
the kernel kills. Each round is kept when it has ended, and not run again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bench.conditions import ROOT, head
from bench.live import real_rounds
from bench.live.attempts import undisturbed
from bench.live.pairs import Pairs, when
from bench.live.real_burner import counted_per_second
from bench.live.real_crowd import DECLARED, TEACH, WASTE, crowd, taught, wasteful
from bench.live.real_ground import METRIC_SECONDS, RealGround
from bench.live.real_kills import LITTLE, LITTLE_SECONDS, growing, grown
from bench.live.real_placement import RUNS
from bench.live.real_rounds import POLICIES, SCENARIO
from bench.live.real_run import LEAST_IDLE
from bench.live.real_trace import CORES
from bench.throughput.observer import Disturbed
from bench.throughput.run import leading, leaves
from bench.throughput.session import RequestError, Session
from tests.cluster.errors import BedError

Json = dict[str, Any]

LOGS = ROOT / "build" / "bench" / "real"
MOST_SECONDS = 600.0
"""A part of a round that takes longer is given up."""


def main(arguments: list[str]) -> int:
    """Run what is not kept yet, then write the report; returns the exit code."""
    given = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rounds = Pairs(given.runs_file, "learned")
    settings = {
        "seconds": given.seconds,
        "tasks": given.tasks,
        "declared": DECLARED,
        "used": {"cpu": f"{WASTE.cpu * 1000:g}m", "memory": f"{WASTE.mib}Mi", "seconds": WASTE.work},
        "cores_a_node": CORES,
        "metrics_every_s": METRIC_SECONDS,
    }
    conditions = head(os.environ.get("BENCH_COMMAND") or "python -m bench.live.real_learned", nodes=3, **settings)
    if unlike := [number for number, each in rounds.of(SCENARIO).items() if each["settings"] != settings]:
        text = "give the same again, or another --runs-file"
        print(f"error: {given.runs_file} has round {unlike[0]} under other settings than {settings}: {text}")
        return 2
    about = {"settings": settings, "date": conditions["date"], "commit": conditions["commit"]}
    missing = [number for number in range(given.rounds) if not whole(rounds.of(SCENARIO).get(number, {}))]
    try:
        if missing and not given.draw:
            LOGS.mkdir(parents=True, exist_ok=True)
            asyncio.run(make(given, rounds, missing, about))
    except KeyboardInterrupt:
        print(f"interrupted; {given.runs_file} has what was run", file=sys.stderr)
        return 130
    except (BedError, Disturbed, RequestError, RuntimeError, TimeoutError, OSError, ExceptionGroup) as error:
        print(f"error: {'; '.join(str(leaf) or type(leaf).__name__ for leaf in leaves(error))}", file=sys.stderr)
        return 1
    kept = {number: each for number, each in rounds.of(SCENARIO).items() if whole(each)}
    if kept and not given.dry:
        real_rounds.publish(kept, {**conditions, **when(kept.values())})
    return 0


def whole(kept: Json) -> bool:
    """True when all of a round is there."""
    return kept.keys() >= {*POLICIES, "kills"}


async def make(given: argparse.Namespace, rounds: Pairs, missing: list[int], about: Json) -> None:
    """All that is missing, on one bed and with one operator."""
    ground = RealGround(given.name, ROOT, LOGS)
    per_second = round(counted_per_second())
    print(f"== {len(missing)} rounds; a core counts to {per_second} a second", flush=True)
    try:
        await asyncio.to_thread(ground.up_real)
        async with Session(ground.bed) as session, leading(ground, 1):
            await ground.edit(session, metrics={"sources": {"pods": "Kubelet"}})
            await ground.settle(session, {}, per_second)
            teach = [wasteful(f"teach-{number}", "Declared", per_second) for number in range(TEACH)]
            asks = await taught(session, teach, "waste", WASTE.work)
            print(f"   class waste asks for {asks} instead of {DECLARED}", flush=True)
            for number in missing:
                for part in parts(number):
                    kept = rounds.of(SCENARIO).get(number, {})
                    if part not in kept:
                        row = await once(ground, session, number, part, per_second, given)
                        print(f"   round {number}, {part}: {row}", flush=True)
                        rounds.keep(SCENARIO, number, {**about, "asks": asks, **kept, part: row})
    finally:
        if not given.keep:
            await asyncio.to_thread(ground.down)


def parts(number: int) -> list[str]:
    """Of a round, in the order in which they are run: who goes first alternates."""
    names = list(POLICIES)
    return [*(names if number % 2 == 0 else names[::-1]), "kills"]


async def once(
    ground: RealGround, session: Session, number: int, part: str, per_second: float, given: argparse.Namespace
) -> Json:
    """One part of a round, once more when it was disturbed. Raises Disturbed when it was again."""

    async def run(attempt: int) -> Json:
        if part == "kills":
            return await kills(ground, session, f"grows-{number}-{attempt}-{int(time.time())}")
        return await crowd(ground, session, part, per_second, given.tasks, given.seconds, given.least_idle)

    return await undisturbed(run, MOST_SECONDS)


async def kills(ground: RealGround, session: Session, kind: str) -> Json:
    """A new class that uses little, and then much."""
    little = [growing(f"{kind}-little-{number}", kind, much=False) for number in range(LITTLE)]
    asks = await taught(session, little, kind, LITTLE_SECONDS)
    return {"asks": asks, **await grown(ground, session, kind)}


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    made = argparse.ArgumentParser(prog="python -m bench.live.real_learned", description=__doc__)
    add = made.add_argument
    add("--rounds", type=int, default=5, choices=range(1, 21), metavar="1..20", help="default: %(default)s")
    add("--seconds", type=float, default=150.0, help="how long Tasks may begin in each run (default: %(default)g)")
    add("--tasks", type=int, default=100, help="how many there are, more than there is room for (default: %(default)s)")
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
