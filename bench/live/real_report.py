"""What pairs on real nodes come to: into placement.json under L3, beside what the simulator makes of the same Tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from bench.live.real_ground import METRIC_SECONDS
from bench.live.real_trace import Trace
from bench.live.real_twin import twin
from bench.placement import page, report
from bench.placement.claims import claims
from bench.placement.measures import Measures, beside, rows
from bench.placement.scenarios import OURS
from loadstar.simulate.difference import difference

Json = dict[str, Any]

LEVEL = "L3"
SCENARIO = "real-quarter-75"
TEXT = "three real nodes, requests a quarter of the use and wrong by class, others unevenly on them, load about 0.75"
POLICIES = (OURS, "KubeScheduler")
SECONDS_OF = ("completion_mean_s", "completion_p99_s")


def summed(pairs: Mapping[int, Json], traces: Mapping[int, Trace], lead: Trace) -> tuple[Json, Json]:
    """Of pairs by seed: the rows of the policies, and what stands beside them."""
    live = {
        policy: [Measures(**pair["policies"][policy]["measures"]) for pair in pairs.values()] for policy in POLICIES
    }
    twins = {policy: [twin(traces[seed], lead, policy, seed, METRIC_SECONDS) for seed in pairs] for policy in POLICIES}
    more = beside(live, OURS)
    simulated = beside(twins, OURS)
    for policy, entry in more.items():
        entry["simulated"] = {key: value for key, value in simulated[policy].items() if key != "runs"} | {
            "level": {
                key: round(fmean(getattr(run, key) for run in twins[policy]), 4)
                for key in ("mean", "p99", "total_mean")
            }
        }
        entry["completion"] = completion(pairs.values(), policy)
    return rows(live, OURS), more


def completion(pairs: Sequence[Json] | Any, policy: str) -> Json:
    """Seconds from arrival to end: the mean and the 99th percentile, each with the paired difference against ours."""
    found: Json = {}
    each = list(pairs)
    for name in SECONDS_OF:
        theirs = [pair["policies"][policy][name] for pair in each]
        gap = difference(theirs, [pair["policies"][OURS][name] for pair in each])
        found[name] = {"value": round(fmean(theirs), 2), **{key: told(value) for key, value in asdict(gap).items()}}
        found[name]["verdict"] = gap.verdict
    return found


def told(value: float | None) -> float | None:
    """As it is kept."""
    return None if value is None else round(value, 3)


def publish(pairs: Mapping[int, Json], traces: Mapping[int, Trace], lead: Trace, conditions: Json) -> None:
    """Into placement.json, the page and the plots; said too."""
    from bench.placement import plots  # noqa: PLC0415 - who runs without the bench group still has the table

    found, more = summed(pairs, traces, lead)
    conditions = {**conditions, "texts": {SCENARIO: TEXT}, "pairs": {SCENARIO: len(pairs)}}
    document = report.keep(LEVEL, conditions, {SCENARIO: found}, {SCENARIO: more})
    page.write(document)
    plots.draw(document, report.RESULT.parent)
    print("\n".join([f"\n{SCENARIO}: {TEXT}", *page.table(found, more), "", *page.completions(more)]))
    for claim in claims({SCENARIO: found}, {SCENARIO: more}):
        print(f"{'holds' if claim.holds else 'FAILS'}  {claim.scenario}: {claim.text}: {claim.because}")
