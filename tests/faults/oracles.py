"""What a faulty run is compared by: how the clean run ended, how often each object came and went, what the log says.

Pure. A path that two clean runs disagree on is masked; so is, by its nature, what names a moment, a uid or a node.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.faults.history import Event, Json, Picture, label, latecomers, owner

FORGOTTEN = frozenset({"managedFields", "uid", "resourceVersion", "creationTimestamp", "hostIP", "hostIPs"})
FORGOTTEN |= {"score", "terms", "class", "sampleAgeSeconds", "next"}
FORGOTTEN |= {"nodeSelectorTerms", "preferredDuringSchedulingIgnoredDuringExecution"}
FORGOTTEN |= {"podIP", "podIPs", "deletionTimestamp", "imageID", "containerID", "tolerations", "durationSeconds"}
"""Keys whose values are of one run by their nature: moments, addresses, the load of that instant, nodes alike by it."""
RIVAL = "faults.loadstar.dev/rival"
"""The annotation that a rival writer leaves: of the fault, not of the operator."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_NODE = re.compile(r"\b(kwok|node)-\d+\b")
_NUMBER = re.compile(r"\b\d+(\.\d+)?\b")

Paths = Mapping[str, str]


def names(events: Iterable[Event]) -> dict[str, str]:
    """Each uid's name in every run: a Task by name and which of that name it is, a Pod by Task, part and attempt."""
    found, tasks, pods = dict[str, str](), Counter[str](), Counter[str]()
    for event in events:
        if event.type != "ADDED":
            continue
        if event.kind == "Task" and event.uid not in found:
            tasks[event.name] += 1
            found[event.uid] = f"{event.name}#{tasks[event.name]}"
        elif event.kind == "Pod" and event.uid not in found:
            mother = found.get(owner(event.object), "nobody")
            which = f"{mother}/{label(event.object, 'part')}-{label(event.object, 'attempt')}"
            pods[which] += 1
            found[event.uid] = which if pods[which] == 1 else f"{which}~{pods[which]}"
    return found


def end_state(events: Sequence[Event], picture: Picture) -> dict[str, str]:
    """Every path of every object that exists in the end, with its value."""
    known, paths = names(events), dict[str, str]()
    for kind, kept in (("Task", picture.tasks), ("Pod", picture.pods)):
        for uid, item in kept.items():
            for path, value in _flat(_own(kind, item)):
                paths[f"{kind} {known.get(uid, uid)}{_anywhere(path, events)}"] = _plain(value, known, events)
    return paths


def arrivals(events: Iterable[Event], *, late_writes: bool = False) -> dict[str, int]:
    """How often each object was ADDED and DELETED.

    With `late_writes` without Pods that came after their Task's end and went again (`history.latecomers`).
    """
    sequence = list(events)
    known = names(sequence)
    if late_writes:
        late = latecomers(sequence)
        sequence = [event for event in sequence if event.uid not in late]
    counts = Counter(
        f"{event.kind} {known.get(event.uid, event.uid)} {event.type}"
        for event in sequence
        if event.type in {"ADDED", "DELETED"}
    )
    return dict(counts)


def plain(paths: Paths, alike: Sequence[str]) -> dict[str, str]:
    """The paths with values that mean the same made the same, and without the messages that tell them apart."""
    if not alike:
        return dict(paths)
    return {
        path: alike[0] if value in alike else value for path, value in paths.items() if not path.endswith(".message")
    }


def mask(first: Paths, second: Paths) -> frozenset[str]:
    """The paths on which two clean runs differ."""
    return frozenset(path for path in first.keys() | second.keys() if first.get(path) != second.get(path))


def differences(clean: Mapping[str, Any], faulty: Mapping[str, Any], masked: Iterable[str] = ()) -> list[str]:
    """What a faulty run has otherwise than the clean one."""
    left_out = set(masked)
    return [
        f"{path}: {clean.get(path, 'absent')} in the clean run, {faulty.get(path, 'absent')} here"
        for path in sorted(clean.keys() | faulty.keys())
        if path not in left_out and clean.get(path) != faulty.get(path)
    ]


def complaints(log: str) -> list[str]:
    """What an operator's log must never hold: a traceback, a critical line, or a line that is no JSON."""
    found, foreign = [], []
    for line in filter(str.strip, log.splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            foreign.append(line)
            continue
        if "error" in entry or entry.get("level") == "critical":
            found.append(f"log: {entry.get('level')}: {entry.get('message')}: {str(entry.get('error', ''))[-600:]}")
    if foreign:
        found.append(f"log: {len(foreign)} lines that are not its own: {' / '.join(foreign)[-600:]}")
    return found


def _own(kind: str, item: Json) -> Json:
    """The object without what other programs keep in it."""
    meta = {name: value for name, value in item["metadata"].items() if name in {"labels", "annotations", "finalizers"}}
    meta["annotations"] = {key: value for key, value in (meta.get("annotations") or {}).items() if key != RIVAL}
    if kind == "Pod":
        spec = {name: item["spec"].get(name) for name in ("restartPolicy", "activeDeadlineSeconds", "affinity")}
        status = {name: item.get("status", {}).get(name) for name in ("phase", "reason", "containerStatuses")}
        return {"metadata": meta, "spec": spec, "status": status, "deleting": "deletionTimestamp" in item["metadata"]}
    return {"metadata": meta, "spec": item["spec"], "status": item.get("status") or {}}


def _flat(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in FORGOTTEN:
                yield from _flat(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{inner['type'] if _typed(inner) else number}]")
    elif value is not None:
        yield path, value


def _typed(value: Any) -> bool:
    return isinstance(value, dict) and "type" in value


def _anywhere(path: str, events: Sequence[Event]) -> str:
    """The path without the namespace by which a key in it is called."""
    for namespace in _namespaces(events):
        path = re.sub(rf"/{re.escape(namespace)}(?![-\w])", "/<namespace>", path)
    return path


def _namespaces(events: Sequence[Event]) -> set[str]:
    return {event.object["metadata"].get("namespace") for event in events} - {None}


def _plain(value: Any, known: Mapping[str, str], events: Sequence[Event]) -> str:
    """A value without moments, nodes, uids and Pods' names; numbers inside of sentences are of one run too."""
    text = value if isinstance(value, str) else json.dumps(value)
    for namespace in _namespaces(events):
        text = text.replace(namespace, "<namespace>")
    for event in events:
        if event.type == "ADDED" and event.name in text and event.kind == "Pod":
            text = text.replace(event.name, f"<{known.get(event.uid, 'pod')}>")
    for uid, name in known.items():
        text = text.replace(uid, f"<{name}>")
    text = _NODE.sub("<node>", _TIME.sub("<time>", text))
    return _NUMBER.sub("<n>", text) if " " in text else text
