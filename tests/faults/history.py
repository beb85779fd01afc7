"""What happened in a case, as seen from outside the operator: every event of its Tasks and Pods in the order of etcd.

Pure. A resourceVersion is etcd's revision, one order for all kinds (KEP-5504), so two watches merge into one history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TERMINAL = frozenset({"SUCCESS", "FAILED"})
ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Event:
    """One change: `kind` is Task, Pod or Node, `type` ADDED, MODIFIED or DELETED; `at` is our own clock, monotonic."""

    version: int
    at: float
    kind: str
    type: str
    object: Json

    @property
    def uid(self) -> str:
        """The object's uid."""
        return str(self.object["metadata"]["uid"])

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.object["metadata"]["name"])


@dataclass(slots=True)
class Picture:
    """What exists at one instant of a history."""

    tasks: dict[str, Json] = field(default_factory=dict)
    pods: dict[str, Json] = field(default_factory=dict)
    nodes: dict[str, Json] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Move on by one event."""
        kept = {"Task": self.tasks, "Pod": self.pods, "Node": self.nodes}[event.kind]
        if event.type == "DELETED":
            kept.pop(event.uid, None)
        else:
            kept[event.uid] = event.object


def ordered(events: Iterable[Event]) -> list[Event]:
    """By version."""
    return sorted(events, key=lambda event: event.version)


def walk(events: Iterable[Event]) -> Iterator[tuple[Event, Picture]]:
    """Each event with what exists after it; the picture is one object that moves on."""
    picture = Picture()
    for event in events:
        picture.take(event)
        yield event, picture


def picture_at(events: Iterable[Event], version: int) -> Picture:
    """What existed once `version` was written."""
    picture = Picture()
    for event in events:
        if event.version <= version:
            picture.take(event)
    return picture


def owner(pod: Json) -> str:
    """The uid of the Task that controls a Pod; empty without exactly one."""
    owners = [item["uid"] for item in pod["metadata"].get("ownerReferences") or () if item.get("controller")]
    return str(owners[0]) if len(owners) == 1 else ""


def label(pod: Json, name: str) -> str:
    """One of our labels of a Pod."""
    return str((pod["metadata"].get("labels") or {}).get(f"loadstar.dev/{name}", ""))


def phase(pod: Json) -> str:
    """A Pod's phase."""
    return str((pod.get("status") or {}).get("phase", "Pending"))


def live(pod: Json) -> bool:
    """True while its container may run: a kubelet deletes with no grace period once it has ended the containers."""
    meta = pod["metadata"]
    expunged = "deletionTimestamp" in meta and meta.get("deletionGracePeriodSeconds") == 0
    return phase(pod) not in ENDED and not expunged


def status(task: Json) -> Json:
    """A Task's status."""
    return task.get("status") or {}


def state(task: Json) -> str:
    """A Task's state."""
    return str(status(task).get("state", "PENDING"))


def story(events: Iterable[Event]) -> Iterator[str]:
    """A history in lines, for people."""
    first = None
    for event in events:
        first = event.at if first is None else first
        told, meta = status(event.object), event.object["metadata"]
        words = [told.get(name) for name in ("state", "phase", "reason", "stopping", "attempt", "message")]
        words += [name for name in ("deletionTimestamp", "finalizers") if meta.get(name)]
        line = f"{event.at - first:7.2f} s {event.version} {event.kind} {event.type} {event.name}"
        yield " ".join([line, *(str(word) for word in words if word)])[:300]
