"""Invariants about a Task's Pods: I1, I4, I5, I9, I13."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tests.faults.history import (
    TERMINAL,
    Event,
    Json,
    Picture,
    expunged,
    label,
    latecomers,
    live,
    owner,
    phase,
    state,
    status,
    walk,
)
from tests.faults.invariants.facts import Facts

ORPHAN_SECONDS = 5.0
"""A Pod whose Task is deleted while it is being created cannot be helped; one made later can."""
STALE_SECONDS = 5.0
"""How old a decision's view of the nodes may be."""
TRACKED = "loadstar.dev/track-completion"
NOT_ITS_FAULT = frozenset(
    {"Evicted", "Terminated", "NodeAffinity", "NodeShutdown", "UnexpectedAdmissionError", "Shutdown"}
)
"""A Pod's reason when the kubelet ended or refused it for the node's sake."""


def one_live_pod(events: Sequence[Event], _: Facts) -> list[str]:
    """I1: at most one Pod that may run for each part of a Task, and for each of its attempts."""
    found = []
    for event, now in walk(events):
        if event.kind != "Pod" or event.type != "ADDED":
            continue
        uid, part, attempt = owner(event.object), label(event.object, "part"), label(event.object, "attempt")
        same = [pod for pod in now.pods.values() if owner(pod) == uid and label(pod, "part") == part]
        alive = [pod["metadata"]["name"] for pod in same if live(pod)]
        if len(alive) > 1 and not _opted_out(now.tasks.get(uid)):
            found.append(f"I1 at {event.version}: {len(alive)} live Pods of one part: {', '.join(sorted(alive))}")
        if sum(label(pod, "attempt") == attempt and live(pod) for pod in same) > 1:
            found.append(f"I1 at {event.version}: two live Pods of attempt {attempt}")
    return found


def ended_without_live_pods(events: Sequence[Event], facts: Facts) -> list[str]:
    """I4: a Task is terminal only when none of its Pods may run, and none comes to life afterwards."""
    found, late = [], latecomers(events) if facts.late_writes else set[str]()
    for event, now in walk(events):
        for uid in {event.uid if event.kind == "Task" else owner(event.object)}:
            task = now.tasks.get(uid)
            if task is None or state(task) not in TERMINAL:
                continue
            alive = [pod["metadata"]["name"] for pod in _live_of(now, uid, late)]
            if alive:
                name = task["metadata"]["name"]
                found.append(f"I4 at {event.version}: {name} is {state(task)} and {', '.join(alive)} lives")
    return list(dict.fromkeys(found))


def owned(events: Sequence[Event], facts: Facts) -> list[str]:
    """I5: every Pod has one owner, which existed; no Pod outlives it; no finalizer outlives its purpose."""
    found, gone, now = [], dict[str, float](), Picture()
    for event, now in walk(events):
        if event.kind == "Task" and event.type == "DELETED":
            gone[event.uid] = event.at
        if event.kind != "Pod" or event.type != "ADDED":
            continue
        uid = owner(event.object)
        if not uid or uid != label(event.object, "task-uid"):
            found.append(f"I5 at {event.version}: {event.name} has not the owner that its label names")
        elif (
            not facts.late_writes and uid not in now.tasks and event.at - gone.get(uid, float("-inf")) > ORPHAN_SECONDS
        ):
            found.append(f"I5 at {event.version}: {event.name} was made without a Task")
    for pod in now.pods.values():
        name, task = pod["metadata"]["name"], now.tasks.get(owner(pod))
        if task is None:
            found.append(f"I5 in the end: {name} outlives its Task")
        elif TRACKED in (pod["metadata"].get("finalizers") or ()) and (state(task) in TERMINAL or not live(pod)):
            found.append(f"I5 in the end: {name} still has its finalizer")
    return found


def failures_counted(events: Sequence[Event], _: Facts) -> list[str]:
    """I9: failures are the Pods that failed by themselves, each once; disruptions are Pods that were lost, or
    failed in a way that their Task ignores.
    """
    found, tasks = [], dict[str, Json]()
    ends: dict[str, dict[str, set[str]]] = {"failures": defaultdict(set), "disruptions": defaultdict(set)}
    counted = set[str]()
    for event in events:
        if event.kind == "Pod" and event.uid not in counted and (end := _end(event, tasks)):
            counted.add(event.uid)
            ends[end][owner(event.object)].add(event.uid)
        if event.kind != "Task":
            continue
        tasks[event.uid] = event.object
        for what, pods in ends.items():
            told, real = status(event.object).get(what, 0), len(pods[event.uid])
            if told > real:
                found.append(f"I9 at {event.version}: {event.name} tells {told} {what} of {real}")
        if event.type == "DELETED":
            del tasks[event.uid]
    for uid, task in tasks.items():
        told, real = status(task).get("failures", 0), len(ends["failures"][uid])
        if told < real:
            found.append(f"I9 in the end: {task['metadata']['name']} tells {told} failures of {real}")
    return found


def _end(event: Event, tasks: Mapping[str, Json]) -> str:
    """What this event of a Pod makes it count as, if anything."""
    if _own_failure(event.object):
        return "disruptions" if _ignored(event.object, tasks.get(owner(event.object))) else "failures"
    # A success that is deleted before the operator saw it is lost to it too: execution is at least once.
    gone = event.type == "DELETED" or phase(event.object) == "Failed" or expunged(event.object)
    return "disruptions" if gone else ""


def open_nodes(events: Sequence[Event], facts: Facts) -> list[str]:
    """I13: no Pod is made for a node that was cordoned or not Ready when that was decided."""
    return [
        f"I13 at {event.version}: {event.name} was made for {name}, which is closed"
        for event in events
        if event.kind == "Pod" and event.type == "ADDED"
        for name in _pinned(event.object)
        if not _was_open(name, event, facts.nodes)
    ]


def _was_open(name: str, pod: Event, nodes: Sequence[Event]) -> bool:
    """True when it is open now, was within the age that a view may have, or is not known at all."""
    known = [node for node in nodes if node.name == name and node.version < pod.version]
    ends = [*(node.at for node in known[1:]), pod.at]
    recent = [node for node, end in zip(known, ends, strict=False) if pod.at - end < STALE_SECONDS]
    return not known or any(_open(node.object) for node in recent)


def _open(node: Json) -> bool:
    ready = any(
        item["type"] == "Ready" and item["status"] == "True" for item in node.get("status", {}).get("conditions") or ()
    )
    return ready and not node["spec"].get("unschedulable")


def _pinned(pod: Json) -> list[str]:
    """The nodes that the Pod's affinity names."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or ()
    return [name for term in terms for field in term.get("matchFields") or () for name in field["values"]]


def _own_failure(pod: Json) -> bool:
    """True when the container's end is its own doing: nobody deleted it, no node turned it away."""
    told = pod.get("status") or {}
    disrupted = any(
        item["type"] == "DisruptionTarget" and item["status"] == "True" for item in told.get("conditions") or ()
    )
    deleted = "deletionTimestamp" in pod["metadata"]
    return phase(pod) == "Failed" and not (disrupted or deleted or told.get("reason") in NOT_ITS_FAULT)


def _ignored(pod: Json, task: Json | None) -> bool:
    """True when the first rule of the Task that is about the Pod's exit code says so."""
    codes = [
        item["state"]["terminated"]["exitCode"]
        for item in pod["status"].get("containerStatuses") or ()
        if "terminated" in item["state"]
    ]
    rules = ((task or {}).get("spec", {}).get("retry") or {}).get("rules") or ()
    actions = [item["action"] for item in rules if set(codes) & set(item.get("exitCodes") or ())]
    return actions[:1] == ["Ignore"]


def _live_of(now: Picture, uid: str, late: set[str]) -> list[Json]:
    """The live Pods of a Task, but for those that came late."""
    return [pod for one, pod in now.pods.items() if owner(pod) == uid and live(pod) and one not in late]


def _opted_out(task: Json | None) -> bool:
    """True when the Task allows a second Pod beside one on a lost node."""
    retry = (task or {}).get("spec", {}).get("retry") or {}
    return "replaceAfterSeconds" in (retry.get("onNodeLost") or {})
