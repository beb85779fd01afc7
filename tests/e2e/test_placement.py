"""Placing on a real API server and scheduler, with simulated nodes beside the real ones: strategies, policy, bursts."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path

import pytest

from loadstar.runtime.reader import LOOK_SECONDS
from tests.cluster.bed import Bed
from tests.e2e import placing
from tests.e2e.conftest import SYSTEM, Json, Kubectl, Tasks, call, fresh_namespace, task
from tests.e2e.connection import Connection
from tests.e2e.placing import NODES, edited, furnish, quarantined, simulated, swallow
from tests.e2e.replicas import Replicas

pytestmark = pytest.mark.bed

STORIES: tuple[Callable[[Tasks], None], ...] = (
    placing.strategies,
    placing.near_and_apart,
    placing.full,
    placing.heat,
    placing.sinkhole,
)
AT_ONCE = 32
UNEVEN = 1.1
"""So much more than by the even spread the fullest node may have reserved."""
QUARANTINE_SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def nodes(bed: Bed, kubectl: Kubectl) -> Iterator[None]:
    """Simulated nodes, furnished for the stories."""
    bed.up(simulated=NODES)
    furnish(kubectl)
    yield
    bed.up(simulated=0)


def test_stories(kubectl: Kubectl, replicas: Replicas) -> None:
    """Each story's rule holds while all of them run at once, and no edit needs a restart."""
    before = replicas.restarts()
    with ExitStack() as stack, ThreadPoolExecutor(len(STORIES)) as pool:
        runs: dict[str, Future[None]] = {}
        for story in STORIES:
            space = stack.enter_context(fresh_namespace(kubectl))
            runs[story.__name__] = pool.submit(story, Tasks(kubectl, space))
        broken = {name: repr(error) for name, run in runs.items() if (error := run.exception())}
    assert broken == {}
    assert replicas.restarts() == before


@contextmanager
def forwarded(pod: str) -> Iterator[HTTPConnection]:
    """The operator's port, as `kubectl port-forward` brings it to this machine."""
    command = ("kubectl", "port-forward", "-n", SYSTEM, pod, ":8080", "--address", "127.0.0.1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found, "kubectl port-forward did not say where"
            with closing(HTTPConnection("127.0.0.1", int(found[1]), timeout=20)) as connection:
                yield connection
        finally:
            process.terminate()


def test_decisions_are_replayed(tasks: Tasks, replicas: Replicas, tmp_path: Path) -> None:
    """The leader's log, through kubectl port-forward, is made again to the same answers; an altered line is found."""
    strategies = ("LoadAware", "WeightedRandom", "RoundRobin", "PowerOfTwo", "KubeScheduler")
    tasks.apply(
        *(simulated(name.lower(), "close", seconds="0.1", strategy=name) for name in strategies),
        simulated("nowhere", "close", requires=["e2e-nothing"]),
    )
    tasks.wait(lambda found: placing.assigned(found, *(name.lower() for name in strategies)))
    with forwarded(replicas.leader()) as connection:
        connection.request("GET", "/decisions")
        text = connection.getresponse().read()
    log = tmp_path / "decisions.jsonl"
    log.write_bytes(text)
    same = replay(log, 0)
    assert same.endswith(f"{len(text.splitlines())} decisions: {len(text.splitlines())} the same, 0 not\n")
    own = {one["task"][1]: one for line in text.splitlines() if (one := json.loads(line))["task"][0] == tasks.namespace}
    assert own.keys() == {*(name.lower() for name in strategies), "nowhere"}
    assert {own[name.lower()]["decision"]["strategy"] for name in strategies} == set(strategies)
    assert own["nowhere"]["decision"]["reason"] == "NoMatchingNode"
    altered = own["loadaware"]
    chosen = altered["decision"]["node"]
    altered["nodes"][chosen]["node"]["unschedulable"] = True
    log.write_text("\n".join(json.dumps(one) for one in own.values()))
    told = [line for line in replay(log, 1).splitlines() if "not the same" in line]
    assert len(told) == 1
    assert f"{tasks.namespace}/loadaware: {chosen}, by all" in told[0]


def replay(log: Path, code: int) -> str:
    """What `loadstar replay` prints; its exit code is this one."""
    done = call(sys.executable, "-m", "loadstar", "replay", str(log), check=False)
    assert done.returncode == code, done.stdout[-2000:] + done.stderr
    return done.stdout


async def create(path: str, documents: list[Json]) -> None:
    """Create all of them, many at once."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(connection: Connection, document: Json) -> None:
        async with turn:
            code, answer = await connection.send("POST", path, document)
            assert code == 201, answer

    async with Connection(AT_ONCE) as connection, asyncio.TaskGroup() as group:
        for document in documents:
            group.create_task(one(connection, document))


@pytest.mark.parametrize("burst", [300, pytest.param(1000, marks=pytest.mark.battery)])
def test_a_burst_between_two_samples(tasks: Tasks, kubectl: Kubectl, bed: Bed, burst: int) -> None:
    """Hundreds of Tasks, while no node is measured anew, are spread as an oracle would over nodes that are alike.

    The fullest has at most a tenth more reserved than by the even spread; by samples alone one node would get them all.
    """
    names = placing.ALIKE
    bed.wait_metrics(len(bed.nodes()) + NODES)
    placing.probed(tasks, "burst", lambda found: found["class"] == "Cold", placing.MEASURED_SECONDS)
    with edited(kubectl, {"metrics": {"periodSeconds": 300}}, {"metrics": {"periodSeconds": 5}}):
        # A reading that is under way when the period is edited still comes.
        time.sleep(LOOK_SECONDS)
        documents = [simulated(f"burst-{n}", "burst", cpu="100m") for n in range(burst)]
        for document in documents:
            # A class of its own, of which nothing was learned: each Task counts as much as it requests.
            document["spec"]["worker"]["env"] = [{"name": "RUN", "value": tasks.namespace}]
        asyncio.run(create(f"/apis/loadstar.dev/v1alpha1/namespaces/{tasks.namespace}/tasks", documents))
        waiting = ("get", "ldt", "-n", tasks.namespace, "-o", "name", "--field-selector", "status.state=PENDING")
        end = time.monotonic() + 100
        while kubectl(*waiting).stdout:
            assert time.monotonic() < end
            time.sleep(1)
        found = tasks.all()
    counts = dict.fromkeys(names, 0)
    ages: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    for name, item in found.items():
        if name.startswith("burst-"):
            placement = item["status"]["placement"]
            counts[placement["node"]] += 1
            ages[placement["node"]].append((item["metadata"]["creationTimestamp"], placement["sampleAgeSeconds"]))
    assert sum(counts.values()) == burst
    assert max(counts.values()) <= UNEVEN * burst / len(names), counts
    for seen in ages.values():
        older = [age for _, age in sorted(seen)]
        assert all(after >= before - 1 for before, after in pairwise(older)), "a node was measured anew meanwhile"


@pytest.mark.battery
@pytest.mark.timeout(300)
def test_a_sinkhole_comes_back(tasks: Tasks, kubectl: Kubectl, replicas: Replicas) -> None:
    """A quarantine ends by itself after two minutes: the node has its class of before, and gets Tasks again."""
    # A restart forgets how often the node was quarantined before, which would make it last longer.
    replicas.restart()
    bad = swallow(tasks)
    begun = time.monotonic()
    quarantined(kubectl, lambda nodes: bad not in nodes, QUARANTINE_SECONDS + 40)
    assert time.monotonic() - begun > QUARANTINE_SECONDS / 2
    own = {"strategy": "LoadAware", "nodeSelector": {"kubernetes.io/hostname": bad}}
    tasks.apply(task("again", placement=own))
    item = tasks.wait_terminal()["again"]["status"]
    assert (item["state"], item["placement"]["node"]) == ("SUCCESS", bad)
    assert item["placement"]["class"] != "Quarantined"
