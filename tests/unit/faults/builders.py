"""Histories, event by event."""

from __future__ import annotations

from typing import Any

from tests.faults.history import Event, Json
from tests.faults.invariants import CHECKS, Facts

TASK_UID = "uid-t"


class History(list[Event]):
    """Events with rising versions, half a second apart."""

    def add(self, kind: str, type_: str, document: Json, after: float = 0.5) -> History:
        at = self[-1].at + after if self else 0.0
        self.append(Event(len(self) + 1, at, kind, type_, document))
        return self

    def task(self, state: str, *, type_: str = "MODIFIED", uid: str = TASK_UID, **status: Any) -> History:
        return self.add("Task", type_ if self else "ADDED", task(state, uid=uid, **status))

    def pod(self, phase: str, *, type_: str = "MODIFIED", after: float = 0.5, **more: Any) -> History:
        return self.add("Pod", type_, pod(phase, **more), after)


def task(state: str, *, uid: str = TASK_UID, generation: int = 1, spec: Json | None = None, **status: Any) -> Json:
    told = {"state": state, "observedGeneration": generation, **status}
    told.setdefault("conditions", [{"type": "Succeeded"}])
    meta = {"name": "t", "namespace": "n", "uid": uid, "generation": generation}
    return {"metadata": meta, "spec": spec or {}, "status": told}


def pod(
    phase: str,
    *,
    attempt: int = 1,
    uid: str = "",
    of: str = TASK_UID,
    label: str = TASK_UID,
    deleting: bool = False,
    node: str = "",
    finalizers: tuple[str, ...] = (),
    **status: Any,
) -> Json:
    labels = {"task-uid": label, "part": "0", "attempt": str(attempt)}
    meta: Json = {
        "name": f"t-0-{attempt}",
        "namespace": "n",
        "uid": uid or f"uid-p{attempt}",
        "labels": {f"loadstar.dev/{name}": value for name, value in labels.items()},
        "ownerReferences": [{"uid": of, "controller": True}],
        "finalizers": list(finalizers),
    }
    if deleting:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    spec: Json = {}
    if node:
        terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec["affinity"] = {"nodeAffinity": required}
    return {"metadata": meta, "spec": spec, "status": {"phase": phase, **status}}


def node(name: str, version: int, at: float, *, ready: bool = True, cordoned: bool = False) -> Event:
    status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    document = {"metadata": {"name": name, "uid": name}, "spec": {"unschedulable": cordoned}, "status": status}
    return Event(version, at, "Node", "MODIFIED", document)


def good() -> History:
    """A Task whose first attempt fails and whose second succeeds."""
    history = History()
    history.task("PENDING").task("ASSIGNED", attempt=1)
    history.pod("Pending", type_="ADDED").pod("Running").task("RUNNING", attempt=1)
    history.pod("Failed").task("PENDING", attempt=1, failures=1)
    history.task("ASSIGNED", attempt=2, failures=1)
    history.pod("Pending", type_="ADDED", attempt=2).pod("Running", attempt=2)
    history.task("RUNNING", attempt=2, failures=1)
    history.pod("Succeeded", attempt=2).task("SUCCESS", attempt=2, failures=1)
    return history


def broken(history: History, facts: Facts | None = None) -> set[str]:
    """Which invariants a history violates."""
    known = facts or Facts(created=frozenset({TASK_UID}))
    return {name for name, check in CHECKS.items() if check(history, known)}
