"""`python -m bench.placement`: L1, the curve against round robin, tables and plots."""

from __future__ import annotations

import argparse
import os
import time
from statistics import fmean
from typing import Any

from bench.conditions import head
from bench.placement import page, report
from bench.placement.claims import claims
from bench.placement.measures import Measures, beside, rows
from bench.placement.scenarios import OURS, POLICIES, SCENARIOS
from bench.placement.simulated import CURVE, FACTORS, HELD_OUT, LOADS, named, point, runs

Json = dict[str, Any]

QUICK = ("no rival is better, the wait included",)
"""What four seeds are enough for."""


def main() -> None:
    """Run, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", action="append", default=[], choices=sorted(SCENARIOS), help="only this one")
    parser.add_argument("--seeds", type=int, default=len(HELD_OUT), help="so many of the held-out seeds, 2 to 10")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-curve", action="store_true", help="without the curve against round robin")
    parser.add_argument("--quick", action="store_true", help="two scenarios on four seeds; keeps nothing")
    parser.add_argument("--dry", action="store_true", help="keep nothing")
    parser.add_argument("--draw", action="store_true", help="only the tables and plots of what was kept")
    given = parser.parse_args()
    if given.draw:
        drawn(report.read())
        return
    if given.quick:
        given.scenario, given.seeds, given.no_curve, given.dry = ["half-75", "io-60"], 4, True, True
    names = given.scenario or list(SCENARIOS)
    seeds = HELD_OUT[: max(2, given.seeds)]
    conditions = head("make bench-placement", seeds=list(seeds))
    started = time.monotonic()
    scenarios, more = level(names, seeds, given.processes)
    if not given.no_curve:
        conditions["curve"] = curve(seeds, given.processes)
    conditions["took_s"] = round(time.monotonic() - started)
    print(f"took {conditions['took_s']} s")
    told = claims(scenarios, more)
    for claim in told:
        print(f"{'holds' if claim.holds else 'FAILS'}  {claim.scenario}: {claim.text}: {claim.because}")
    if given.quick and not all(claim.holds for claim in told if claim.text in QUICK):
        raise SystemExit("what the quick form is to prove does not hold")
    if not given.dry:
        drawn(report.keep("L1", conditions, scenarios, more))


def level(names: list[str], seeds: tuple[int, ...], processes: int) -> tuple[Json, Json]:
    """All policies in these scenarios: the rows, and what stands beside them."""
    scenarios: Json = {}
    more: Json = {}
    for name, found in zip(names, runs(named(names), list(POLICIES), seeds, processes), strict=True):
        scenarios[name], more[name] = rows(found, OURS), beside(found, OURS)
        print("\n".join([f"\n{name}: {SCENARIOS[name].text}", *page.table(scenarios[name], more[name])]), flush=True)
    return scenarios, more


def curve(seeds: tuple[int, ...], processes: int) -> list[Json]:
    """Against round robin and kube-scheduler, over load and the error of requests."""
    points = [(load, factor) for factor in FACTORS for load in LOADS]
    found = []
    each = runs([point(*item) for item in points], CURVE, seeds, processes)
    for (load, factor), outcome in zip(points, each, strict=True):
        entry: Json = {"load": load, "factor": factor}
        for policy, measured in outcome.items():
            entry[policy] = summed(measured)
        found.append(entry)
    return found


def summed(measured: list[Measures]) -> dict[str, float]:
    """Means over the seeds."""
    return {
        name: round(fmean(getattr(run, name) for run in measured), 5)
        for name in ("mean", "p99", "total_mean", "sd", "failed")
    }


def drawn(document: Json) -> None:
    """The tables of the page, and the plots."""
    from bench.placement import plots  # noqa: PLC0415 - the quick form needs no matplotlib

    page.write(document)
    print(*plots.draw(document, report.RESULT.parent), sep="\n")


if __name__ == "__main__":
    main()
