"""Hostile Pods: ours with what others may write on them, and foreign ones that claim to be ours.

Whatever is done, a Task takes its state from no foreign Pod, has no second live Pod, and comes to an end or says why.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tests.fuzz import bases
from tests.fuzz.api import PODS, Answer
from tests.fuzz.cases import Case
from tests.fuzz.recorder import key_of
from tests.fuzz.world import NAMESPACE, OTHER, World, ended

Json = dict[str, Any]

RUN_SECONDS: Final = 3
START_SECONDS: Final = 20.0
END_SECONDS: Final = 25.0
LOOK_SECONDS: Final = 2.0
RELEASE_SECONDS: Final = 15
TASK: Final = "loadstar.dev/task"
UID: Final = "loadstar.dev/task-uid"
PART: Final = "loadstar.dev/part"
ATTEMPT: Final = "loadstar.dev/attempt"
TRACKING: Final = "loadstar.dev/track-completion"
MANAGED: Final = "app.kubernetes.io/managed-by"


async def run_pod(world: World, case: Case) -> None:
    """One attack on one running Task."""
    spec = bases.long(RUN_SECONDS)
    spec["placement"] = {"nodeSelector": {"fuzz": "steady"}}
    spec["retry"] = {"limit": 0, "trackCompletion": "finalizer" in case.body["attack"]}
    made = await world.create(f"f-{case.index}", spec)
    if not made.ok:
        world.book.fault(case, "the valid object was refused", made.message)
        return
    task = made.body
    running = await world.recorder.in_time(task, lambda t: bool(t["status"]["state"] == "RUNNING"), START_SECONDS)
    if running is None:
        world.book.fault(case, f"not RUNNING after {START_SECONDS:g} s", world.recorder.tasks.get(key_of(task)))
    else:
        if case.body["attack"].startswith("foreign"):
            await _foreign(world, case, running)
        else:
            await _ours(world, case, running)
        await _end(world, case, running)
    await world.remove(case, task)


async def _end(world: World, case: Case, task: Json) -> None:
    """It ends as its own Pod ended; the attempt is still its first, unless the Pod was taken from it."""
    found = await world.recorder.in_time(task, ended, END_SECONDS)
    now = world.recorder.tasks.get(key_of(task), {}).get("status")
    if found is None:
        world.book.fault(case, f"no end {END_SECONDS:g} s after the attack, its Pod ran {RUN_SECONDS} s", now)
    elif found["status"]["state"] != "SUCCESS":
        world.book.fault(case, "the Task FAILED though its Pod succeeded", now)
    elif found["status"]["attempt"] != 1 and case.body["attack"] != "owner other Task":
        # A Pod whose owner does not exist may be deleted by the garbage collector before its marks are put back.
        world.book.fault(case, f"attempt {found['status']['attempt']}: its Pod was made again", now)
    if found is not None and found["status"]["state"] == "SUCCESS":
        # Read live: the watch of Pods may be behind that of Tasks.
        pod = await world.api.get(f"{PODS.format(NAMESPACE)}/{task['status']['pod']}")
        if pod.ok and pod.body["status"].get("phase") in {"Pending", "Running"}:
            world.book.fault(case, f"SUCCESS while {task['status']['pod']} still runs", now)


def changes(attack: str, text: str, task: Json) -> Json:
    """What is written on our Pod, as a merge patch."""
    other = {"apiVersion": "loadstar.dev/v1alpha1", "kind": "Task", "name": "other", "uid": "0" * 8, "controller": True}
    own = {**other, "name": task["metadata"]["name"], "uid": task["metadata"]["uid"]}
    extra = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": task["metadata"]["uid"]}
    wanted: dict[str, Json] = {
        "attempt label": {"labels": {ATTEMPT: text}},
        "attempt label removed": {"labels": {ATTEMPT: None}},
        "part label": {"labels": {PART: text}},
        "task-uid label removed": {"labels": {UID: None}},
        "task-uid label other": {"labels": {UID: text}},
        "task label other": {"labels": {TASK: text}},
        "managed-by removed": {"labels": {MANAGED: None}, "annotations": {"loadstar.dev/kwok-run-seconds": "4"}},
        "owner stripped": {"ownerReferences": None},
        "owner other Task": {"ownerReferences": [other]},
        "owner two": {"ownerReferences": [extra, own]},
        "annotations odd": {"annotations": {"loadstar.dev/attempt": text, "noslash": "", "a/b": "x" * 100_000}},
        "finalizer": {"finalizers": ["fuzz.example/hold", TRACKING]},
        "tracking finalizer removed": {"finalizers": None},
    }
    return {"metadata": wanted[attack]}


async def _ours(world: World, case: Case, task: Json) -> None:
    """Write on the Task's own Pod."""
    attack = case.body["attack"]
    path = f"{PODS.format(NAMESPACE)}/{task['status']['pod']}"
    answer = await world.api.patch(path, changes(attack, case.body["text"], task))
    if not world.judge(case, answer):
        return
    if attack == "managed-by removed":
        # The bed knows whose container to end by this label: give it back before the end.
        await asyncio.sleep(1)
        await world.api.patch(path, {"metadata": {"labels": {MANAGED: "loadstar"}}})
    if attack == "finalizer":
        await world.recorder.until(key_of(task), ended, END_SECONDS)
        held: list[str] = [TRACKING]
        for _ in range(RELEASE_SECONDS):
            held = (await world.api.get(path)).body.get("metadata", {}).get("finalizers") or []
            if TRACKING not in held:
                break
            await asyncio.sleep(1)
        else:
            world.book.fault(case, "the end is on record and the Pod is still held", held)
        await world.api.patch(path, {"metadata": {"finalizers": None}})


def foreign(attack: str, task: Json) -> Json:
    """A Pod that nobody of ours made and that claims to be the Task's."""
    meta, attempt = task["metadata"], task["status"]["attempt"]
    labels = {TASK: meta["name"], UID: meta["uid"], PART: "0", ATTEMPT: str(attempt), MANAGED: "impostor"}
    owner = {
        "apiVersion": "loadstar.dev/v1alpha1",
        "kind": "Task",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    head: Json = {"name": f"x-{meta['name']}", "labels": labels, "ownerReferences": [owner]}
    if attack == "foreign newer attempt":
        labels[ATTEMPT] = str(attempt + 1)
    if attack == "foreign holds the next name":
        labels[ATTEMPT] = str(attempt + 1)
        head["name"] = f"{task['status']['pod'].rsplit('-', 1)[0]}-{attempt + 1}"
        del head["ownerReferences"]
    if attack == "foreign owner only":
        head["labels"] = {}
    if attack == "foreign labels only":
        del head["ownerReferences"]
    container = {"name": "worker", "image": "busybox:1.35", "command": ["true"]}
    spec = {"containers": [container], "nodeSelector": {"fuzz-room": "never"}, "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec}


async def _foreign(world: World, case: Case, task: Json) -> None:
    """Make an impostor, let it succeed or fail, and see that the Task does not care."""
    namespace = OTHER if case.body["attack"] == "foreign other namespace" else NAMESPACE
    pod = foreign(case.body["attack"], task)
    answer: Answer = await world.api.create(PODS.format(namespace), pod)
    if not world.judge(case, answer):
        return
    world.recorder.foreign.add(answer.body["metadata"]["uid"])
    path = f"{PODS.format(namespace)}/{pod['metadata']['name']}"
    phase = "Failed" if case.index % 4 == 0 else "Succeeded"
    await world.api.patch(f"{path}/status", {"status": {"phase": phase}})
    await asyncio.sleep(LOOK_SECONDS / 2)
    now = world.recorder.tasks.get(key_of(task))
    own = world.recorder.pods.get((NAMESPACE, task["status"]["pod"]), {})
    if now is not None and ended(now) and own.get("status", {}).get("phase") == "Running":
        world.book.fault(case, "the Task took its end from a foreign Pod", now["status"])
    await asyncio.sleep(LOOK_SECONDS / 2)
    await world.api.delete(path, force=True)
