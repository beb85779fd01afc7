"""How far the nodes are measured as the policy wants it: conditions of the PlacementPolicy.

`MetricsReady` sums up; each source that the policy names has a condition of its own, such as `PrometheusReady`. The
messages hold no times and no counts that change by themselves, so that a cluster at rest is told of once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from loadstar.core.metering import Metering, Source
from loadstar.core.model import Condition
from loadstar.core.nodes import NodeView
from loadstar.core.snapshot import Snapshot

METRICS_READY: Final = "MetricsReady"
NAMED: Final = 5
"""So many nodes are named in a message; of the rest their number is said."""
_SPOKEN: Final = {"io": "I/O", "cpu": "CPU", "io_pressure": "I/O pressure"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the last reading of a source went. `ready` None: it was not read yet."""

    ready: bool | None
    reason: str
    message: str


UNREAD: Final = Verdict(None, "NotReadYet", "not read since it was named or its settings were edited")


def names(found: Iterable[str]) -> str:
    """Some names and the number of the rest: "a, b and 7 more"."""
    listed = sorted(found)
    shown = ", ".join(listed[:NAMED])
    return f"{shown} and {len(listed) - NAMED} more" if len(listed) > NAMED else shown


def spoken(resources: Iterable[str]) -> str:
    """Fields of `Load` as a person says them: "CPU and memory"."""
    *first, last = [_SPOKEN.get(resource, resource) for resource in resources]
    return f"{', '.join(first)} and {last}" if first else last


def conditions(
    snapshot: Snapshot, verdicts: Mapping[Source, Verdict], before: Iterable[Condition]
) -> tuple[Condition, ...]:
    """MetricsReady and one condition for each source that the policy names.

    `before`: the conditions as they were, for the times of their last change.
    """
    metering = snapshot.policy.metering
    known = {condition.type: condition for condition in before}
    each = {source: verdicts.get(source, UNREAD) for source in metering.assigned()}
    told = {METRICS_READY: _overall(snapshot, each)} | {f"{source}Ready": verdict for source, verdict in each.items()}
    result = []
    for kind, verdict in told.items():
        status = {True: "True", False: "False", None: "Unknown"}[verdict.ready]
        old = known.get(kind)
        changed = old.changed if old and old.status == status else snapshot.now
        result.append(Condition(kind, status, verdict.reason, verdict.message, changed))
    return tuple(result)


def _overall(snapshot: Snapshot, verdicts: Mapping[Source, Verdict]) -> Verdict:
    failing = [f"{source}: {verdict.message}" for source, verdict in verdicts.items() if verdict.ready is False]
    if failing:
        return Verdict(False, "SourceFailing", "; ".join(failing))
    unread = [str(source) for source, verdict in verdicts.items() if verdict.ready is None]
    if unread:
        return Verdict(None, UNREAD.reason, f"{' and '.join(unread)} not read yet")
    views = [view for view in snapshot.nodes.values() if view.node.ready and not view.node.unschedulable]
    missing = _missing(snapshot, views)
    if missing:
        return Verdict(False, "SamplesMissing", "; ".join(missing))
    return Verdict(True, "Measured", _sources(snapshot.policy.metering))


def _missing(snapshot: Snapshot, views: list[NodeView]) -> list[str]:
    """A sentence for each resource that has a source, but no fresh sample on some open node."""
    found = []
    for source, resources in snapshot.policy.metering.assigned().items():
        for resource in resources:
            without = [view.node.name for view in views if not _measured(view, resource, snapshot)]
            if without:
                measured = f"{len(views) - len(without)} of {len(views)} open nodes"
                found.append(f"{spoken([resource])} from {source}: fresh on {measured}, not on {names(without)}")
    return found


def _measured(view: NodeView, resource: str, snapshot: Snapshot) -> bool:
    sample = getattr(view.load, resource, None)
    return sample is not None and snapshot.now - sample.timestamp <= snapshot.policy.stale_seconds


def _sources(metering: Metering) -> str:
    measured = [f"{spoken(resources)} from {source}" for source, resources in metering.assigned().items()]
    unknown = metering.unmeasured()
    return ", ".join([*measured, *([f"{spoken(unknown)} unknown: no source is named"] if unknown else [])])
