"""Odd Tasks, odd edits of sound ones, odd statuses: refused in words, or taken; and taken back, all is as before."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tests.fuzz import bases
from tests.fuzz.api import TASKS
from tests.fuzz.cases import Case
from tests.fuzz.recorder import key_of
from tests.fuzz.world import NAMESPACE, World, ended, was_taken

Json = dict[str, Any]

END_SECONDS: Final = 4.0
STATUS_SECONDS: Final = 3.0
BACK_SECONDS: Final = 20.0
SUSPENDED: Final = "Suspended"


def path_of(task: Json) -> str:
    """Where a Task is."""
    namespace, name = key_of(task)
    return f"{TASKS.format(namespace)}/{name}"


async def run_task(world: World, case: Case) -> None:
    """A Task that may be odd: what is accepted gets a state and a reason; some are followed to their end."""
    meta = case.body.get("metadata") or {}
    answer = await world.create(f"f-{case.index}", case.body["spec"], meta)
    if not world.judge(case, answer):
        return
    task = answer.body
    found = await world.taken(case, task)
    if found is not None and case.index % 3 == 0 and found["status"]["state"] != "PENDING":
        await world.recorder.until(key_of(task), ended, END_SECONDS)
    await world.remove(case, task)


async def run_sound(world: World, number: int) -> None:
    """What the fuzz does, with nothing odd in it: Tasks that succeed, fail, or are refused."""
    base = (bases.small, bases.failing, bases.rich)[number % 3]
    await world.api.create(TASKS.format(NAMESPACE), {"apiVersion": "loadstar.dev/v1alpha1", "kind": "Task"})
    answer = await world.create(f"sound-{number}", base())
    if not answer.ok:
        return
    key = key_of(answer.body)
    await world.recorder.until(key, was_taken, END_SECONDS)
    if number % 3 == 0:
        await world.recorder.until(key, ended, END_SECONDS)
    await world.api.delete(path_of(answer.body))
    world.recorder.forget(answer.body)


async def run_edit(world: World, case: Case) -> None:
    """An edit is refused and nothing changed, or allowed; the valid spec of before restores the state of before."""
    body = case.body
    answer = await world.create(f"f-{case.index}", body["before"])
    if not answer.ok:
        world.book.fault(case, "the valid object was refused", answer.message)
        return
    task = answer.body
    before = await world.taken(case, task)
    if before is not None:
        await _edit(world, case, before)
    await world.remove(case, task)


async def _edit(world: World, case: Case, before: Json) -> None:
    body, path = case.body, path_of(before)
    answer = await world.api.patch(path, {"spec": _patch(body["before"], body["after"])})
    accepted = world.judge(case, answer)
    if body.get("allowed") and not accepted:
        world.book.fault(case, "an allowed edit was refused", answer.message)
    if not accepted:
        now = (await world.api.get(path)).body
        if now.get("spec") != before["spec"] and now.get("spec"):
            world.book.fault(case, "a refused edit changed the spec", now.get("spec"))
        return
    if body.get("suspend"):
        await _suspended(world, case, before)
    if isinstance(body["after"], dict) and body["after"].get("cancel") is True:
        await _cancelled(world, case, before)
        return
    answer = await world.api.patch(path, {"spec": _patch(body["after"], body["before"])})
    if not answer.ok and not ended(world.recorder.tasks.get(key_of(before), {})):
        world.book.fault(case, "the valid spec of before was refused", answer.message)
        return
    if answer.ok and answer.body["spec"] != before["spec"]:
        world.book.fault(case, "the spec is not as before", answer.body["spec"])
    await _as_before(world, case, before)


async def _as_before(world: World, case: Case, before: Json) -> None:
    """The Task goes where it would have gone."""
    key = key_of(before)
    waits = before["status"]["state"] == "PENDING"

    def same(task: Json) -> bool:
        status = task["status"]
        return bool(status["reason"] == before["status"]["reason"] if waits else status["state"] == "SUCCESS")

    found = await world.recorder.in_time(before, same, BACK_SECONDS)
    now = world.recorder.tasks.get(key)
    if found is None and now is not None:
        pods = {pod["metadata"]["name"]: pod.get("status", {}).get("phase") for pod in world.recorder.pods_of(now)}
        detail = {**now.get("status", {}), "pods": pods}
        world.book.fault(case, "not as before after the edit was taken back", detail)


async def _suspended(world: World, case: Case, before: Json) -> None:
    def quiet(task: Json) -> bool:
        return task["status"]["reason"] == SUSPENDED or ended(task)

    if await world.recorder.in_time(before, quiet, BACK_SECONDS) is None:
        world.book.fault(case, "suspend was not reported", world.recorder.tasks.get(key_of(before), {}).get("status"))


async def _cancelled(world: World, case: Case, before: Json) -> None:
    found = await world.recorder.in_time(before, ended, BACK_SECONDS)
    if found is None or found["status"]["reason"] not in {"Cancelled", "Completed"}:
        world.book.fault(case, "cancel was not carried out", world.recorder.tasks.get(key_of(before), {}).get("status"))
    answer = await world.api.patch(path_of(before), {"spec": {"cancel": False}})
    if answer.ok:
        world.book.fault(case, "a cancel was taken back")


def _patch(old: Json, new: Any) -> Any:
    """The merge patch by which `kubectl apply` goes from one to the other."""
    if not isinstance(new, dict) or not isinstance(old, dict):
        return new
    patch: Json = dict.fromkeys(name for name in old if name not in new)
    for name, value in new.items():
        if value != old.get(name):
            patch[name] = _patch(old.get(name, {}), value) if isinstance(value, dict) else value
    return patch


async def run_status(world: World, case: Case) -> None:
    """A status that an administrator writes: the operator goes on from whatever the schema lets through."""
    spec: Json = {"worker": {"image": "busybox:1.35", "command": ["simulate", "2"]}}
    spec["placement"] = {"nodeSelector": {"fuzz-room": "never"} if case.body["held"] else {"fuzz": "steady"}}
    made = await world.create(f"f-{case.index}", spec)
    if not made.ok:
        world.book.fault(case, "the valid object was refused", made.message)
        return
    if case.index % 2:
        await world.recorder.until(key_of(made.body), was_taken, 3)
    answer = await world.api.patch(f"{path_of(made.body)}/status", {"status": case.body["status"]})
    if world.judge(case, answer):
        await asyncio.sleep(STATUS_SECONDS)
    await world.remove(case, made.body)
