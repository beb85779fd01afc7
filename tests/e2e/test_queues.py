"""Queues at work: order, edits, limits and suspension on real nodes; scores and fair shares on simulated ones."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.bed import Bed
from tests.e2e.conftest import Json, Kubectl, Tasks, call, task
from tests.e2e.figures import Figures
from tests.e2e.placing import BUSY, COOL, HOST, simulated, use
from tests.e2e.test_queue_kind import queue

IDLE = "kwok-0"
LABEL = "e2e-placing"
SLOTS = 100
EACH = 1000
WEIGHTS = {"half": 50, "third": 30, "fifth": 20}
POOL = [f"kwok-{number}" for number in range(1, 11)]
TOLERANCE = 0.05
SECONDS = "5"


@pytest.fixture(scope="module")
def nodes(bed: Bed, kubectl: Kubectl) -> Iterator[None]:
    """Simulated nodes: one that is busy, one that idles, and ten of 32 cores for shares."""
    bed.up(simulated=15)
    kubectl("label", "--overwrite", "node", *POOL, f"{LABEL}=shares")
    use(kubectl, BUSY, "24", "1Gi")
    use(kubectl, IDLE, *COOL)
    yield
    bed.up(simulated=0)


def edit(tasks: Tasks, kind: str, name: str, **spec: Any) -> None:
    tasks.kubectl("patch", kind, name, "-n", tasks.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))


def held(tasks: Tasks, *documents: Json, **spec: Any) -> None:
    """Tasks, each a second younger than the one before, in the suspended queue `q` that runs one at a time."""
    tasks.apply(queue(suspend=True, limits={"running": 1}, **spec))
    for document in documents:
        tasks.apply(document)
        time.sleep(1.1)
    last = documents[-1]["metadata"]["name"]
    assert tasks.wait_reason(last, "QueueSuspended")["status"]["message"] == "queue q is suspended"


def order(tasks: Tasks, **spec: Any) -> list[str]:
    """Let the queue go on; the Tasks in the order in which they got a node."""
    edit(tasks, "ldq", "q", suspend=False, **spec)
    found = tasks.wait_terminal(90)
    assert {item["status"]["state"] for item in found.values()} == {"SUCCESS"}
    return sorted(found, key=lambda name: str(found[name]["status"]["assignedTime"]))


def why(tasks: Tasks, name: str) -> Json:
    """What `loadstar why` says."""
    said = call(sys.executable, "-m", "loadstar", "why", name, "-n", tasks.namespace, "-o", "json").stdout
    return dict(json.loads(said))


def short(name: str, **spec: Any) -> Json:
    return task(name, "sleep 1", queue="q", **spec)


@pytest.mark.usefixtures("history")
def test_a_priority_that_changes_overtakes(tasks: Tasks) -> None:
    """By priority; one that is patched while it waits acts on the next assignment. `why` tells the place."""
    held(tasks, short("a"), short("b", priority=600), short("c", priority=400), agingSeconds=0)
    said = why(tasks, "c")
    assert (said["queue"]["place"], said["queue"]["ahead"]) == (3, ["b", "a"])
    assert (said["now"]["reason"], said["now"]["message"]) == ("QueueSuspended", "queue q is suspended")
    edit(tasks, "ldt", "c", priority=900)
    assert order(tasks) == ["c", "b", "a"]


@pytest.mark.usefixtures("history")
def test_first_in_first_out(tasks: Tasks) -> None:
    """Whatever the priorities; and an edit of `ordering` holds for those that wait already."""
    documents = [short("a", priority=100), short("b", priority=1000), short("c", priority=500)]
    held(tasks, *documents)
    assert order(tasks, ordering="FIFO") == ["a", "b", "c"]


@pytest.mark.usefixtures("history")
def test_a_limit_holds_and_is_said(tasks: Tasks) -> None:
    """No more CPU than the queue may hold; smaller ones go on; what `why` says is what the status says."""
    tasks.apply(queue(limits={"running": 3, "cpu": "50m"}))
    worker = {"resources": {"requests": {"cpu": "40m", "memory": "8Mi"}}}
    tasks.apply(task("first", "sleep 600", queue="q", worker=worker))
    tasks.wait(lambda found: found["first"]["status"]["state"] != "PENDING")
    tasks.apply(task("large", queue="q", priority=900, worker=worker), short("small"), task("lost", queue="none"))
    found = tasks.wait(
        lambda found: (
            found["small"]["status"]["state"] == "SUCCESS"
            and found["large"]["status"]["reason"] == "QueueLimit"
            and found["lost"]["status"]["reason"] == "QueueNotFound"
        )
    )
    assert found["large"]["status"]["message"] == "queue q: cpu 40m of 50m is held; asks for 40m"
    for name in ("large", "lost"):
        now = why(tasks, name)["now"]
        assert (now["reason"], now["message"]) == (found[name]["status"]["reason"], found[name]["status"]["message"])
    edit(tasks, "ldq", "q", limits={"cpu": "80m"})
    tasks.apply(queue("none"))
    done = tasks.wait(lambda found: all(found[name]["status"]["state"] == "SUCCESS" for name in ("large", "lost")))
    assert done["first"]["status"]["state"] == "RUNNING"
    edit(tasks, "ldt", "first", cancel=True)


@pytest.mark.bed
@pytest.mark.usefixtures("nodes")
def test_load_aware_goes_by_the_best_node(tasks: Tasks, kubectl: Kubectl) -> None:
    """Who finds the idle node goes before who came earlier, and has more priority, but finds a busy one."""

    def measured() -> dict[str, float]:
        status = json.loads(kubectl("get", "ldp", "default", "-o", "json").stdout).get("status") or {}
        known = [*(status.get("best") or ()), *(status.get("worst") or ())]
        return {item["name"]: item["cpu"]["measured"] for item in known if "sampleAgeSeconds" in item}

    end = time.monotonic() + 90
    while not ((seen := measured()).get(BUSY, 0.0) > 0.5 and IDLE in seen):
        assert time.monotonic() < end, seen
        time.sleep(2)
    where = {name: {"nodeSelector": {HOST: name}} for name in (BUSY, IDLE)}
    worker = {"image": "simulated", "command": ["simulate", "1"]}
    held(
        tasks,
        task("busy", queue="q", priority=600, worker=worker, placement=where[BUSY]),
        task("idle", queue="q", worker=worker, placement=where[IDLE]),
        ordering="LoadAware",
    )
    assert order(tasks) == ["idle", "busy"]


@pytest.mark.bed
@pytest.mark.battery
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("nodes")
def test_queues_share_by_weight(tasks: Tasks, figures: Figures) -> None:
    """3,000 Tasks in three queues on room for 100: while all three have Tasks waiting each holds its weight's share."""
    tasks.apply(*(queue(name, weight=weight, suspend=True) for name, weight in WEIGHTS.items()))
    for number in range(0, EACH, 250):
        batch = range(number, number + 250)
        tasks.apply(*(shared(name, index) for name in WEIGHTS for index in batch))
    tasks.apply(*(queue(name, weight=weight) for name, weight in WEIGHTS.items()))
    held_by: Counter[str] = Counter()
    samples = 0
    end = time.monotonic() + 400
    while time.monotonic() < end:
        states = tasks.kubectl(
            *("get", "ldt", "-n", tasks.namespace, "--no-headers"),
            *("-o", "custom-columns=Q:.spec.queue,S:.status.state"),
        ).stdout.split()
        counts = Counter(zip(states[::2], states[1::2], strict=True))
        if any(counts[name, "PENDING"] == 0 for name in WEIGHTS):
            break
        now = {name: counts[name, "ASSIGNED"] + counts[name, "RUNNING"] for name in WEIGHTS}
        # The queue that was opened first had all the room for itself: that is given back as its Tasks end.
        settled = sum(counts[name, "SUCCESS"] for name in WEIGHTS) >= 2 * SLOTS
        if settled and sum(now.values()) >= 0.9 * SLOTS:
            held_by.update(now)
            samples += 1
        time.sleep(1)
    assert samples >= 10, (samples, held_by)
    shares = {name: held_by[name] / held_by.total() for name in WEIGHTS}
    figures.keep("queue shares", samples=samples, **{name: round(share, 4) for name, share in shares.items()})
    for name, weight in WEIGHTS.items():
        assert shares[name] == pytest.approx(weight / 100, rel=TOLERANCE), shares


def shared(name: str, index: int) -> Json:
    """A Task of which ten have room on a node."""
    one = simulated(f"{name}-{index}", "shares", SECONDS, cpu="3100m")
    one["spec"]["queue"] = name
    return one
