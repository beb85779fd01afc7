"""The TaskProfile: what is known of a class of Tasks, kept where a new leader and people find it.

Whoever may write one can make its class ask for less than is declared, never for more; what cannot be is refused here,
and then the class is learned anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from loadstar.api import API_VERSION, PROFILE_KIND
from loadstar.api.base import ATOMIC, StatusModel
from loadstar.api.resources import amounts_document, amounts_of, exact
from loadstar.api.status import Amounts, Count, Quantity, Text, Time
from loadstar.api.times import format_time, parse_time
from loadstar.core.learning import rule
from loadstar.core.profile import Moments, Profile
from loadstar.core.quantity import MEMORY
from loadstar.core.sketch import BUCKETS
from loadstar.core.sketch import read as read_sketch

Json = dict[str, Any]
Amount = Annotated[float, Field(ge=0, le=1e18)]
SHOWN = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


class Spread(StatusModel):
    """Mean and standard deviation, the recent runs most."""

    mean: Amount
    """The mean."""
    deviation: Amount = 0.0
    """The standard deviation."""
    count: Count
    """Of how many runs."""


class Peaks(StatusModel):
    """Peak memory of runs, right to 1 %."""

    p50: Quantity
    """Half of the runs needed no more."""
    p90: Quantity
    """Nine of ten needed no more."""
    p99: Quantity
    """99 of 100 needed no more."""
    max: Quantity
    """None that is remembered needed more."""
    count: Count
    """Of how many runs."""


class Peak(StatusModel):
    """Runs whose peak memory was about this."""

    bytes: Annotated[int, Field(ge=1, le=2**60)]
    """So many bytes, to 1 %."""
    weight: Annotated[float, Field(gt=0, le=1e12)]
    """How many runs, those of long ago counting less."""


class Saved(StatusModel):
    """What its runs declared and did not ask for."""

    core_hours: Amount = 0.0
    """Cores times hours."""
    gib_hours: Amount = 0.0
    """GiB of memory times hours."""
    early: Count = 0
    """Tasks that began on a node that had no room for what they declare: without this they would have waited."""


class TaskProfileStatus(StatusModel):
    """What a class of Tasks is known to use. Only the operator writes it; delete it to have the class learned anew."""

    image: Text | None = None
    """The image of the last run; with another one the class is learned anew."""
    runs: Count = 0
    """Runs that were measured since."""
    unmeasured: Count = 0
    """Runs of which fewer than two samples were taken: they teach nothing about use."""
    ooms: Count = 0
    """Tasks killed for memory while they asked for less than they declare; then memory is learned anew."""
    requests: Amounts | None = None
    """What its Tasks ask for under requests Learned, unless they declare less; absent before five runs."""
    declared: Amounts | None = None
    """What the last one declared."""
    cpu: Spread | None = None
    """Cores that runs used in the mean."""
    memory: Peaks | None = None
    """Memory that they used at most."""
    io: Spread | None = None
    """Share of their node's I/O time."""
    run_seconds: Spread | None = None
    """How long they ran."""
    start_seconds: Spread | None = None
    """From their Pod's creation to their start."""
    saved: Saved | None = None
    """What learned requests brought."""
    peaks: Annotated[list[Peak], Field(max_length=BUCKETS, json_schema_extra=ATOMIC)] | None = None
    """What the percentiles of memory are made of: buckets of a DDSketch of 1 %."""
    last_seen_time: Time | None = None
    """When a run last ended."""
    written_time: Time | None = None
    """When this was written."""


def document(namespace: str, name: str, profile: Profile, now: float, version: str = "") -> Json:
    """The whole object. `version`: the one that it replaces."""
    metadata: Json = {"name": name, "namespace": namespace}
    if version:
        metadata["resourceVersion"] = version
    asks = rule(profile).requests
    status: Json = {
        "image": profile.image[:512] or None,
        "runs": profile.runs,
        "unmeasured": profile.unmeasured,
        "ooms": profile.ooms,
        "requests": amounts_document(asks) or None,
        "declared": amounts_document(profile.declared) or None,
        "cpu": _spread(profile.cpu, 1000),
        "memory": _peaks(profile),
        "io": _spread(profile.io),
        "runSeconds": _spread(profile.run_seconds),
        "startSeconds": _spread(profile.start_seconds),
        "saved": {
            "coreHours": round(min(1e18, profile.saved_cpu / 3600), 3),
            "gibHours": round(min(1e18, profile.saved_memory / 2**30 / 3600), 3),
            "early": profile.early,
        },
        "peaks": [{"bytes": size, "weight": round(weight, 2)} for size, weight in profile.memory.sizes()] or None,
        "lastSeenTime": format_time(profile.seen),
        "writtenTime": format_time(now),
    }
    return {
        "apiVersion": API_VERSION,
        "kind": PROFILE_KIND,
        "metadata": metadata,
        "status": {name: value for name, value in status.items() if value is not None},
    }


def read(raw: Mapping[str, Any]) -> tuple[Profile, float]:
    """The profile of an object, and when it was written. Raises ValueError for what cannot be."""
    status = TaskProfileStatus.model_validate(raw.get("status") or {})
    saved = status.saved or Saved()
    profile = Profile(
        image=status.image or "",
        runs=status.runs,
        unmeasured=status.unmeasured,
        ooms=status.ooms,
        cpu=_moments(status.cpu, 1000),
        memory=read_sketch([(peak.bytes, peak.weight) for peak in status.peaks or ()]),
        sized=status.memory.count if status.memory is not None and status.peaks else 0,
        run_seconds=_moments(status.run_seconds),
        start_seconds=_moments(status.start_seconds),
        io=_moments(status.io),
        declared=_amounts(status.declared),
        saved_cpu=saved.core_hours * 3600,
        saved_memory=saved.gib_hours * 3600 * 2**30,
        early=saved.early,
        seen=parse_time(status.last_seen_time) or 0.0,
    )
    return profile, parse_time(status.written_time) or 0.0


def _spread(moments: Moments, per: float = 1.0) -> Json | None:
    if not moments.count:
        return None
    mean, deviation = moments.mean / per, moments.deviation / per
    return {"mean": round(mean, 6), "deviation": round(deviation, 6), "count": moments.count}


def _moments(spread: Spread | None, per: float = 1.0) -> Moments:
    if spread is None:
        return Moments()
    return Moments(spread.count, spread.mean * per, (spread.deviation * per) ** 2)


def _peaks(profile: Profile) -> Json | None:
    memory = profile.memory
    if not memory.buckets:
        return None
    found = {name: exact(MEMORY, round(memory.quantile(share))) for name, share in SHOWN.items()}
    return {**found, "max": exact(MEMORY, round(memory.largest)), "count": profile.sized}


def _amounts(amounts: Amounts | None) -> dict[str, int]:
    return amounts_of(amounts.model_dump(exclude_none=True)) if amounts is not None else {}
