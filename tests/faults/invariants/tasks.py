"""Invariants about what a Task's object says: I2, I3, I6, I10, I11, I12, I14."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.faults.history import TERMINAL, Event, Json, state, status
from tests.faults.invariants.facts import Facts

EDGES = {
    "PENDING": {"ASSIGNED", "FAILED"},
    "ASSIGNED": {"PENDING", "RUNNING", "FAILED"},
    "RUNNING": {"PENDING", "SUCCESS", "FAILED"},
    "SUCCESS": set[str](),
    "FAILED": set[str](),
}
"""design.md §2, written down again: an oracle must not read the table of what it judges."""
FINAL = ("state", "completionTime", "attempts", "attempt", "failures", "disruptions", "exitCode")
WRITES_PER_STATE = 4
"""Status writes that leave the state as it is, between two that change it: reasons of waiting, conditions."""


def legal_moves(events: Sequence[Event], _: Facts) -> list[str]:
    """I2: a state changes along the table only, and a Task begins PENDING."""
    found, states = [], dict[str, str]()
    for event in events:
        if event.kind != "Task":
            continue
        new, old = state(event.object), states.get(event.uid)
        if old is None and event.type == "ADDED" and new != "PENDING":
            found.append(f"I2 at {event.version}: {event.name} begins {new}")
        if old is not None and new != old and new not in EDGES[old]:
            found.append(f"I2 at {event.version}: {event.name} went from {old} to {new}")
        states[event.uid] = new
    return found


def final_is_final(events: Sequence[Event], _: Facts) -> list[str]:
    """I3: nothing that says how a Task ended changes after its end."""
    found, ends = [], dict[str, Json]()
    for event in events:
        if event.kind != "Task":
            continue
        now = {name: status(event.object).get(name) for name in FINAL}
        if event.uid in ends:
            changed = [name for name in FINAL if now[name] != ends[event.uid][name]]
            if changed:
                found.append(f"I3 at {event.version}: {event.name} ended, then changed: {', '.join(changed)}")
        elif state(event.object) in TERMINAL:
            ends[event.uid] = now
    return found


def none_lost(events: Sequence[Event], facts: Facts) -> list[str]:
    """I6: a Task that was accepted exists, once, until somebody who may says otherwise."""
    seen = Counter(event.uid for event in events if event.kind == "Task" and event.type == "ADDED")
    found = [f"I6: Task {uid} was accepted and never seen" for uid in sorted(facts.created - seen.keys())]
    found += [f"I6: Task {uid} was added {count} times" for uid, count in seen.items() if count > 1]
    for event in events:
        if event.kind == "Task" and event.type == "DELETED" and event.uid not in facts.deleted:
            if "ttlSecondsAfterFinished" in event.object["spec"] and state(event.object) in TERMINAL:
                continue
            found.append(f"I6 at {event.version}: {event.name} was deleted and nobody asked for it")
    return found


def quiet_at_rest(_: Sequence[Event], facts: Facts) -> list[str]:
    """I10: when nothing changes any more, nothing is written."""
    return [f"I10: written at rest: {line}" for line in facts.rest_writes]


def bounded_writes(events: Sequence[Event], _: Facts) -> list[str]:
    """I11: no hot loop: few status writes between two changes of state."""
    found, last, counts = [], dict[str, Json](), Counter[str]()
    for event in events:
        if event.kind != "Task" or event.type == "DELETED":
            continue
        old, last[event.uid] = last.get(event.uid), event.object
        if old is None or state(old) != state(event.object):
            counts[event.uid] = 0
        elif status(old) != status(event.object):
            counts[event.uid] += 1
            if counts[event.uid] == WRITES_PER_STATE + 1:
                found.append(
                    f"I11 at {event.version}: {event.name} is {state(event.object)} and written again and again"
                )
    return found


def generations(events: Sequence[Event], _: Facts) -> list[str]:
    """I12: what a status says it has observed never exceeds the spec's generation, and reaches it."""
    found, last = [], dict[str, Json]()
    for event in events:
        if event.kind != "Task":
            continue
        last[event.uid] = event.object
        generation = event.object["metadata"]["generation"]
        seen = status(event.object).get("observedGeneration", 0)
        if seen > generation:
            found.append(f"I12 at {event.version}: {event.name} has observed {seen} of {generation}")
        if event.type == "DELETED":
            del last[event.uid]
    for task in last.values():
        seen, generation = status(task).get("observedGeneration"), task["metadata"]["generation"]
        if seen != generation or not status(task).get("conditions"):
            name = task["metadata"]["name"]
            found.append(
                f"I12 in the end: {name} has a status of generation {seen}, not {generation}, or no conditions"
            )
    return found


def metrics_agree(events: Sequence[Event], facts: Facts) -> list[str]:
    """I14: what /metrics says of the Tasks is what the API server says."""
    if facts.metrics is None:
        return []
    last = {event.uid: event for event in events if event.kind == "Task"}
    real = Counter(state(event.object) for event in last.values() if event.type != "DELETED")
    told = {name: count for name, count in facts.metrics.items() if count}
    return [] if told == dict(real) else [f"I14: /metrics tells {told}, the API server {dict(real)}"]
