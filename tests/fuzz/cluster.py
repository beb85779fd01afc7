"""What concerns all Tasks: the PlacementPolicy, the load samples, the Nodes. One policy, one answer at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from tests.fuzz import bases
from tests.fuzz.api import MERGE, NODES, POLICIES, STRICT, Answer
from tests.fuzz.cases import Case
from tests.fuzz.loads import SERVED, TOLD
from tests.fuzz.recorder import key_of
from tests.fuzz.world import World

Json = dict[str, Any]

POLICY_SECONDS: Final = 0.4
SERVED_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.05
NODE_SECONDS: Final = 1.5
TYPED_SECONDS: Final = 20.0
RESTORE_EVERY: Final = 8
LONGEST_PERIOD: Final = 2


class Cluster:
    """The runs of these kinds, with what keeps each to one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._policy = asyncio.Lock()
        self._metrics = asyncio.Lock()

    async def run_policy(self, world: World, case: Case) -> None:
        """An odd policy is refused in words, or holds for a moment; the sound one restores what was before."""
        spec = case.body["spec"]
        period = (spec.get("metrics") or {}) if isinstance(spec, dict) else {}
        if (
            isinstance(period, dict)
            and isinstance(period.get("periodSeconds"), int)
            and 0 < period["periodSeconds"] <= 300
        ):
            # Else the operator would hear no odd metrics for minutes.
            period["periodSeconds"] = min(LONGEST_PERIOD, period["periodSeconds"])
        async with self._policy:
            if not world.judge(case, await self.set_policy(world, spec)):
                return
            await asyncio.sleep(POLICY_SECONDS)
            answer = await self.set_policy(world, bases.policy())
            if not answer.ok:
                world.book.fault(case, "the sound policy was refused", answer.message)
            elif case.index % RESTORE_EVERY == 0:
                await self._restored(world, case)

    async def set_policy(self, world: World, spec: Any) -> Answer:
        """Replace the policy's spec."""
        path = f"{POLICIES}/default"
        answer = Answer(0, {})
        for _ in range(5):
            known = await world.api.get(path)
            if known.code == 404:
                head = {
                    "apiVersion": "loadstar.dev/v1alpha1",
                    "kind": "PlacementPolicy",
                    "metadata": {"name": "default"},
                }
                answer = await world.api.create(POLICIES, {**head, "spec": spec})
            else:
                answer = await world.api.call("PUT", path, {**known.body, "spec": spec}, params=STRICT)
            if answer.code != 409:
                break
        return answer

    async def _restored(self, world: World, case: Case) -> None:
        made = await world.create(f"f-{case.index}", bases.typed())
        if not made.ok:
            world.book.fault(case, "the valid object was refused", made.message)
            return
        found = await world.recorder.in_time(
            made.body, lambda task: bool(task["status"]["state"] == "SUCCESS"), TYPED_SECONDS
        )
        if found is None:
            now = world.recorder.tasks.get(key_of(made.body), {}).get("status")
            world.book.fault(case, "the sound policy did not restore the state of before", now)
        await world.remove(case, made.body)

    async def run_metrics(self, world: World, case: Case) -> None:
        """An odd answer of metrics.k8s.io, served at least once."""
        async with self._metrics:
            served = self._served()
            partial = self._folder / f"{TOLD}.new"
            partial.write_text(case.body["text"])
            partial.replace(self._folder / TOLD)
            for _ in range(int(SERVED_SECONDS / LOOK_SECONDS)):
                await asyncio.sleep(LOOK_SECONDS)
                if self._served() > served:
                    break
            else:
                world.book.fault(case, f"no load was read for {SERVED_SECONDS:g} s")
            (self._folder / TOLD).unlink()
            world.book.answers[case.kind]["served"] += 1

    def _served(self) -> int:
        try:
            return int((self._folder / SERVED).read_text() or 0)
        except (OSError, ValueError):
            return 0

    async def run_node(self, world: World, case: Case) -> None:
        """An odd Node comes and goes."""
        node = case.body["node"]
        name = f"fuzz-node-{case.index}"
        body = {"apiVersion": "v1", "kind": "Node", **node, "metadata": {**node["metadata"], "name": name}}
        if not world.judge(case, await world.api.create(NODES, body)):
            return
        answer = await world.api.call("PATCH", f"{NODES}/{name}/status", {"status": node["status"]}, content=MERGE)
        if answer.code >= 500:
            world.book.fault(case, f"the API server answered {answer.code}", answer.message)
        await asyncio.sleep(NODE_SECONDS)
        await world.api.delete(f"{NODES}/{name}", force=True)
