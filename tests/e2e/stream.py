"""A steady stream of new Tasks from outside, on a simulated node: load that costs the real nodes nothing."""

from __future__ import annotations

import asyncio
import itertools
from types import TracebackType
from typing import Any, Self

from tests.cluster.bed import Bed
from tests.e2e.connection import Background, Connection

NODE = "kwok-0"
TAINT = "e2e-stream"
TASKS = "/apis/loadstar.dev/v1alpha1/namespaces/{}/tasks"
AGAIN_SECONDS = 0.2

Json = dict[str, Any]


class Stream:
    """New Tasks at equal distances, from `with` on until it ends; one that could not be created is tried again."""

    def __init__(self, namespace: str, every: float = 0.25) -> None:
        self.created: list[str] = []
        self._path = TASKS.format(namespace)
        self._every = every

    def __enter__(self) -> Self:
        """Start."""
        self._background = Background()
        self._task = self._background.start(self._run())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._background.end(self._task)
        self._background.close()

    async def _run(self) -> None:
        async with Connection() as connection:
            for number in itertools.count():
                document = simulated_task(f"stream-{number}")
                while not await self._create(connection, document):  # noqa: ASYNC110 - nobody tells when it is back
                    await asyncio.sleep(AGAIN_SECONDS)
                self.created.append(document["metadata"]["name"])
                await asyncio.sleep(self._every)

    async def _create(self, connection: Connection, document: Json) -> bool:
        try:
            status, answer = await connection.send("POST", self._path, document)
        except OSError:
            return False
        if status not in {201, 409} and status < 500:
            raise AssertionError(f"a Task of the stream was refused: {status} {answer}")
        return status in {201, 409}


def simulated_task(name: str) -> Json:
    """A Task that only the simulated node may take."""
    return {
        "apiVersion": "loadstar.dev/v1alpha1",
        "kind": "Task",
        "metadata": {"name": name},
        "spec": {
            "worker": {"image": "simulated", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}},
            "placement": {
                "nodeSelector": {"type": "kwok"},
                "tolerations": [{"key": TAINT, "operator": "Exists"}],
            },
        },
    }


def simulate(bed: Bed) -> None:
    """Give the bed one simulated node that only the stream's Tasks tolerate."""
    bed.up(simulated=1)
    bed.kubectl("taint", "node", NODE, f"{TAINT}=:NoSchedule", "--overwrite")


def end_simulation(bed: Bed) -> None:
    """Take it away again, with what still stands on it."""
    bed.up(simulated=0)
