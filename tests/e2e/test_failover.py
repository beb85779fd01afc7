"""The leader killed, stopped or replaced under load: how long nothing is assigned, and that nothing is lost.

Times are those of a watch from outside the operator.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.cluster.bed import Bed
from tests.e2e.conftest import SYSTEM, Kubectl, Tasks, task
from tests.e2e.figures import Figures
from tests.e2e.history import History
from tests.e2e.replicas import Replicas
from tests.e2e.stream import Stream, end_simulation, simulate
from tests.e2e.writes import Writes

pytestmark = pytest.mark.bed

TAKEOVER_SECONDS = 15.0
ROLLOUT_SECONDS = 3.0
SETTLED_SECONDS = 60.0
FOLLOWED_SECONDS = 1.5
"""A replica that is ready has seen who leads by then."""


@pytest.fixture(scope="module", autouse=True)
def simulated(bed: Bed) -> Iterator[None]:
    """A simulated node for the stream."""
    simulate(bed)
    yield
    end_simulation(bed)


def wait_assigned(history: History, after: float, seconds: float = 30) -> None:
    """Return once an attempt was assigned after that time."""
    end = time.monotonic() + seconds
    while not any(at > after for at in history.assignments()):
        assert time.monotonic() < end, f"nothing was assigned in {seconds:g} s"
        time.sleep(0.1)


def take_over(replicas: Replicas, history: History, number: int) -> float:
    """Send the leader a signal; returns the seconds without an assignment once another leads."""
    leader = replicas.leader()
    at = time.monotonic()
    os.kill(replicas.process(leader), number)
    wait_assigned(history, at + 1.0)
    # What queued up meanwhile comes in one burst: nothing after it is longer than the stream's own pace.
    time.sleep(0.5)
    return history.longest_wait(at, time.monotonic())


def revive(replicas: Replicas, kubectl: Kubectl) -> None:
    """See that a replica stands by, ready; one whose container waits ever longer to begin again is replaced."""
    leader = replicas.leader()
    for pod in replicas.pods():
        name, restarts = pod["metadata"]["name"], replicas.restarts()
        if name != leader and restarts.get(name, 0) > 1:
            kubectl("delete", "pod", name, "-n", SYSTEM, "--grace-period=0", "--force")
    replicas.wait_ready()
    time.sleep(FOLLOWED_SECONDS)


def roll_out(replicas: Replicas, history: History, kubectl: Kubectl) -> float:
    """Replace every replica; returns the longest time without an assignment meanwhile."""
    begun = time.monotonic()
    kubectl("rollout", "restart", "deployment/loadstar-operator", "-n", SYSTEM)
    kubectl("rollout", "status", "deployment/loadstar-operator", "-n", SYSTEM, "--timeout=120s")
    replicas.wait_ready()
    time.sleep(1)
    return history.longest_wait(begun, time.monotonic())


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=[pytest.mark.battery, pytest.mark.timeout(900)])])
def test_leader_goes(
    tasks: Tasks, history: History, replicas: Replicas, kubectl: Kubectl, figures: Figures, kills: int
) -> None:
    """The leader killed by SIGKILL, again and again: the other assigns within 15 s; replaced by a rollout: within 3 s.

    First it is stopped past its lease and let go on: it finds that it no longer leads. Nothing is lost, no Pod is made
    twice, and the API server refuses no write as illegal.
    """
    illegal = Writes(kubectl).count("tasks/status", code="422")
    tasks.apply(*(task(f"long-{n}", "sleep 45") for n in range(2)))
    with Stream(tasks.namespace) as stream:
        wait_assigned(history, time.monotonic())
        stopped = replicas.leader()
        victim = replicas.process(stopped)
        paused = take_over(replicas, history, signal.SIGSTOP)
        os.kill(victim, signal.SIGCONT)
        assert replicas.leader() != stopped
        times = []
        for _ in range(kills):
            revive(replicas, kubectl)
            times.append(take_over(replicas, history, signal.SIGKILL))
        gap = roll_out(replicas, history, kubectl)
    found = tasks.wait_terminal(SETTLED_SECONDS)
    figures.keep(
        f"failover_{kills}_kills",
        seconds=[round(value, 2) for value in times],
        worst_seconds=round(max(times), 2),
        stopped_leader_seconds=round(paused, 2),
        rollout_gap_seconds=round(gap, 2),
        tasks=len(found),
    )
    assert len(found) == len(stream.created) + 2
    assert {item["status"]["state"] for item in found.values()} == {"SUCCESS"}
    assert {item["status"]["attempt"] for item in found.values()} == {1}
    assert set(Counter(pod.uid for pod in history.pods()).values()) == {1}
    assert Writes(kubectl).count("tasks/status", code="422") == illegal
    assert max(*times, paused) <= TAKEOVER_SECONDS, times
    assert gap <= ROLLOUT_SECONDS
