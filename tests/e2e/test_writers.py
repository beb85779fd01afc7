"""Many clients write to a Task while the operator does: nobody's write is lost."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest

from tests.e2e.conftest import Tasks, task
from tests.e2e.connection import Connection
from tests.e2e.figures import Figures
from tests.e2e.history import History

PATH = "/apis/loadstar.dev/v1alpha1/namespaces/{}/tasks/{}"
CONNECTIONS = 4
"""One pool for all clients: a client that read has a connection to write with."""
END = "until [ -e /tmp/end ]; do sleep 0.2; done"


class Clients:
    """So many at once, each of which adds 1 to a Task's priority, and tries again until its own update is taken."""

    def __init__(self, count: int, path: str) -> None:
        self.conflicts = 0
        self._count = count
        self._path = path

    async def run(self) -> None:
        """Returns once each has added its 1."""
        self._turn = asyncio.Semaphore(CONNECTIONS)
        async with Connection(CONNECTIONS) as connection, asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._add(connection))

    async def _add(self, connection: Connection) -> None:
        while True:
            async with self._turn:
                code, item = await connection.send("GET", self._path)
                assert code == 200, item
                item["spec"]["priority"] += 1
                code, answer = await connection.send("PUT", self._path, item)
            if code == 200:
                return
            assert code == 409, answer
            self.conflicts += 1
            await asyncio.sleep(random.uniform(0, 0.05))


@pytest.mark.parametrize("count", [300, pytest.param(1000, marks=[pytest.mark.battery, pytest.mark.timeout(300)])])
def test_no_update_is_lost(tasks: Tasks, history: History, figures: Figures, count: int) -> None:
    """Clients that each add 1 to the priority of a Task, while it is placed and runs, add up exactly.

    The operator's own writes are not lost either: each state is seen once, in order.
    """
    tasks.apply(task("counter", END, priority=0))
    clients = Clients(count, PATH.format(tasks.namespace, "counter"))
    begun = time.monotonic()
    asyncio.run(clients.run())
    took = time.monotonic() - begun
    item = tasks.wait_reason("counter", "PartsRunning")
    assert item["spec"]["priority"] == count
    tasks.touch(item["status"]["pod"], "/tmp/end")
    ended: dict[str, Any] = tasks.wait_terminal()["counter"]
    figures.keep(
        f"clients_{count}", seconds=round(took, 1), conflicts=clients.conflicts, priority=item["spec"]["priority"]
    )
    assert ended["spec"]["priority"] == count
    assert history.states("counter") == ["PENDING", "ASSIGNED", "RUNNING", "SUCCESS"]
    assert ended["status"]["attempt"] == 1
