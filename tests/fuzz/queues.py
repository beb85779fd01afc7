"""Odd TaskQueues: refused in words, or taken; and once nothing in them holds Tasks back, their Tasks run."""

from __future__ import annotations

from typing import Any, Final

from tests.fuzz import bases
from tests.fuzz.api import QUEUES
from tests.fuzz.cases import Case
from tests.fuzz.recorder import key_of
from tests.fuzz.world import NAMESPACE, World, ended

Json = dict[str, Any]

END_SECONDS: Final = 30.0
OPEN: Final[Json] = {"spec": {"suspend": False, "limits": None}}


async def run_queue(world: World, case: Case) -> None:
    """A queue that may be odd, with a sound Task in it: the Task gets a reason, and its end once the queue is open."""
    name = f"f-{case.index}"
    head = {"apiVersion": "loadstar.dev/v1alpha1", "kind": "TaskQueue", "metadata": {"name": name}}
    if not world.judge(case, await world.api.create(QUEUES.format(NAMESPACE), {**head, "spec": case.body["spec"]})):
        return
    path = f"{QUEUES.format(NAMESPACE)}/{name}"
    made = await world.create(name, {**bases.small(), "queue": name})
    if made.ok:
        await _followed(world, case, made.body, path)
    else:
        world.book.fault(case, "the valid object was refused", made.message)
    await world.api.delete(path)


async def _followed(world: World, case: Case, task: Json, path: str) -> None:
    await world.taken(case, task)
    answer = await world.api.patch(path, OPEN)
    if not answer.ok:
        world.book.fault(case, "a queue could not be opened", answer.message)
    elif await world.recorder.in_time(task, ended, END_SECONDS) is None:
        now = world.recorder.tasks.get(key_of(task), {}).get("status")
        world.book.fault(case, "a Task of an open queue did not run", now)
    await world.remove(case, task)
