"""What a policy and a Task say about placing, as stories of test_placement that run at once.

Each is a namespace's story on nodes of its own, and its docstring the rule that it proves. They share the policy, so
each edits other fields of it, and its Tasks say their strategy where that is not what it is about.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.conftest import Json, Kubectl, Tasks, task

NODES = 27
TURNS = [f"kwok-{number}" for number in range(8)]
"""For the strategies; the last two are cordoned."""
OPEN = TURNS[:6]
CLOSE = [f"kwok-{number}" for number in range(8, 12)]
"""For affinity."""
FULL = ["kwok-12", "kwok-13"]
BUSY, FILLED = "kwok-14", "kwok-15"
"""Three quarters of the CPU of the one are in use, and of the memory of the other."""
COOLING = "kwok-16"
HEAT: dict[str, tuple[str, str]] = {BUSY: ("24", "1Gi"), FILLED: ("1", "48Gi"), COOLING: ("24", "1Gi")}
"""What the simulated kubelet says is used of 32 cores and 64 GiB."""
COOL = ("1", "1Gi")
BOUND = {"RUNNING", "SUCCESS"}
CYCLE_SECONDS = 3.0
"""Within so much an edit is seen to act: a cycle, and kubectl twice."""
MEASURED_SECONDS = 60.0
FULL_SECONDS = 30.0
HOST = "kubernetes.io/hostname"
WARM, COLD = 0.7, 5.0
"""Thresholds by which all the nodes of HEAT are hot, and none is."""
LABEL = "e2e-placing"
"""Its value tells the nodes of each story."""
ALIKE = [f"kwok-{number}" for number in range(17, NODES)]
"""For the burst: no story has left anything there."""
EITHER = "e2e-either"
POOLS = {"turns": TURNS, "close": CLOSE, "full": FULL, "heat": [BUSY, FILLED, COOLING], "burst": ALIKE}


def use(kubectl: Kubectl, node: str, cpu: str, memory: str) -> None:
    """Let a simulated node use so much."""
    usage = (f"kwok.x-k8s.io/usage-cpu={cpu}", f"kwok.x-k8s.io/usage-memory={memory}")
    kubectl("annotate", "--overwrite", "pod", node, "-n", "kwok-load", *usage)


def furnish(kubectl: Kubectl) -> None:
    """Give each story its nodes, and some of them their load."""
    for pool, nodes in POOLS.items():
        kubectl("label", "--overwrite", "node", *nodes, f"{LABEL}={pool}")
    kubectl("label", "--overwrite", "node", BUSY, FILLED, f"capability.loadstar.dev/{EITHER}=")
    for node, usage in HEAT.items():
        use(kubectl, node, *usage)
    kubectl("cordon", *TURNS[len(OPEN) :])


def simulated(name: str, pool: str, seconds: str = "600", cpu: str = "10m", **placement: Any) -> Json:
    """A Task for the nodes of a story, or for one node by its name; LoadAware unless it says another, or None."""
    selector = {HOST: pool} if pool.startswith("kwok-") else {LABEL: pool}
    worker = {
        "image": "simulated",
        "command": ["simulate", seconds],
        "resources": {"requests": {"cpu": cpu, "memory": "8Mi"}},
    }
    where = {"nodeSelector": selector, "strategy": "LoadAware", **placement}
    return task(name, worker=worker, placement={name: value for name, value in where.items() if value})


def edit(kubectl: Kubectl, **spec: Any) -> float:
    """Change the policy; returns when that was done, by the clock of `time.monotonic`."""
    kubectl("patch", "ldp", "default", "--type=merge", "-p", json.dumps({"spec": spec}))
    return time.monotonic()


@contextmanager
def edited(kubectl: Kubectl, now: Json, then: Json) -> Iterator[None]:
    """Change the policy, and change it back."""
    edit(kubectl, **now)
    try:
        yield
    finally:
        edit(kubectl, **then)


def assigned(found: dict[str, Json], *names: str) -> bool:
    """True once each of these has its node, or was left to kube-scheduler."""
    return all(found[name]["status"]["state"] != "PENDING" for name in names)


def nodes_of(found: dict[str, Json], prefix: str) -> Counter[str]:
    """How many Tasks of that beginning each node has."""
    return Counter(item["status"].get("assignedTo", "") for name, item in found.items() if name.startswith(prefix))


def strategies(tasks: Tasks) -> None:
    """The policy's strategy is for Tasks that do not say; each chooses by its rule, and none a node that is closed.

    RoundRobin: each node in turn. WeightedRandom, PowerOfTwo: several nodes. KubeScheduler: no pin at all.
    """
    with edited(tasks.kubectl, {"strategy": "RoundRobin"}, {"strategy": "LoadAware"}):
        # A Task in turn is told no next best nodes: so it is seen that the edit has arrived.
        probed(tasks, "close", lambda found: "next" not in found, strategy=None)
        tasks.apply(
            *(simulated(f"turn-{n}", "turns", strategy=None) for n in range(3 * len(OPEN))),
            *(simulated(f"weighted-{n}", "turns", strategy="WeightedRandom") for n in range(12)),
            *(simulated(f"two-{n}", "turns", strategy="PowerOfTwo") for n in range(12)),
            *(simulated(f"left-{n}", "turns", strategy="KubeScheduler") for n in range(3)),
        )
        found = tasks.wait(lambda found: all(item["status"]["state"] in BOUND for item in found.values()))
    assert nodes_of(found, "turn-") == dict.fromkeys(OPEN, 3)
    for prefix in ("weighted-", "two-", "left-"):
        assert nodes_of(found, prefix).keys() <= set(OPEN), prefix
    assert len(nodes_of(found, "weighted-")) > 1
    assert len(nodes_of(found, "two-")) > 1
    assert {name for name, item in found.items() if "placement" not in item["status"]} == {"left-0", "left-1", "left-2"}
    for pod in tasks.pods():
        left = pod["metadata"]["labels"]["loadstar.dev/task"].startswith("left-")
        assert ("affinity" in pod["spec"]) != left, "only what is left to kube-scheduler is not pinned"


def near_and_apart(tasks: Tasks) -> None:
    """`near` draws a Task to the node of another, `apart` keeps it away, unless there is no other node."""
    tasks.apply(simulated("anchor", "close", strict=True))
    anchor = tasks.wait(lambda found: found["anchor"]["status"]["state"] == "RUNNING")["anchor"]["status"]["assignedTo"]
    near, apart = {"near": ["anchor"]}, {"apart": ["anchor"]}
    tasks.apply(
        *(simulated(f"near-{n}", "close", affinity=near, strict=True) for n in range(4)),
        *(simulated(f"apart-{n}", "close", affinity=apart, strict=True) for n in range(6)),
        simulated("cornered", anchor, affinity=apart, strict=True),
    )
    found = tasks.wait(lambda found: assigned(found, *found))
    assert nodes_of(found, "near-") == {anchor: 4}
    assert nodes_of(found, "apart-").keys() <= set(CLOSE) - {anchor}
    assert found["cornered"]["status"]["assignedTo"] == anchor


def full(tasks: Tasks) -> None:
    """`whenFull: Hold` makes no Pod however long it takes; `CreatePods` makes one that no node can take.

    kube-scheduler marks it Unschedulable: what a cluster autoscaler looks for. Both go on when there is room.
    """
    first, second = FULL
    with edited(tasks.kubectl, {"whenFull": "Hold"}, {"whenFull": "CreatePods"}):
        tasks.apply(*(simulated(f"fills-{node}", node, cpu="20") for node in FULL))
        tasks.wait(lambda found: assigned(found, *found))
        begun = time.monotonic()
        tasks.apply(simulated("held", first, cpu="20"), simulated("shown", second, cpu="20"))
        for name in ("held", "shown"):
            message = tasks.wait_reason(name, "WaitingForCapacity")["status"]["message"]
            assert "1 without room for the request now (cpu 12 free)" in message
        while time.monotonic() < begun + FULL_SECONDS + 2:
            assert {pod["metadata"]["labels"]["loadstar.dev/task"] for pod in tasks.pods()} == {
                f"fills-{node}" for node in FULL
            }
            time.sleep(2)
        tasks.kubectl("delete", "ldt", f"fills-{first}", "-n", tasks.namespace)
        item = tasks.wait(lambda found: found["held"]["status"]["state"] == "RUNNING")["held"]
        assert item["status"]["placement"]["node"] == first
    demand = tasks.wait_reason("shown", "Unschedulable")
    (pod,) = (pod for pod in tasks.pods() if pod["metadata"]["name"] == demand["status"]["pod"])
    (scheduled,) = (one for one in pod["status"]["conditions"] if one["type"] == "PodScheduled")
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert "Insufficient cpu" in scheduled["message"]
    assert "affinity" not in pod["spec"]
    tasks.kubectl("delete", "ldt", f"fills-{second}", "-n", tasks.namespace)
    item = tasks.wait(lambda found: found["shown"]["status"]["state"] == "RUNNING")["shown"]
    assert (item["status"]["assignedTo"], item["status"]["attempt"]) == (second, 1)


def placed(tasks: Tasks, document: Json) -> Json:
    """Why the Task was placed where it is, once it is."""
    tasks.apply(document)
    name = document["metadata"]["name"]
    return dict(tasks.wait(lambda found: assigned(found, name))[name]["status"]["placement"])


def probed(
    tasks: Tasks, pool: str, done: Callable[[Json], bool], seconds: float = CYCLE_SECONDS, **placement: Any
) -> None:
    """Return once a Task that is placed now is placed like this; fails with how it was."""
    end = time.monotonic() + seconds
    while True:
        found = placed(tasks, simulated(f"probe-{time.monotonic_ns()}", pool, seconds="0.1", **placement))
        if done(found):
            return
        if time.monotonic() > end:
            pytest.fail(f"not in {seconds:g} s: {found}")


def heat(tasks: Tasks) -> None:
    """Edited weights and thresholds hold from the next cycle on.

    With `whenHot: Wait` a Task waits while every node is hot and says so; it goes on when the heat is gone, or when the
    policy thinks otherwise.
    """
    kubectl = tasks.kubectl
    usual = {"weights": {"cpu": 0.5, "memory": 0.3, "io": 0.2}, "thresholds": {"hot": 0.85}, "whenHot": "Place"}
    with edited(kubectl, {"thresholds": {"hot": COLD}}, usual):
        for node in HEAT:
            probed(tasks, node, lambda found: max(shares(found["terms"])) > WARM, MEASURED_SECONDS)
        edit(kubectl, weights={"cpu": 1, "memory": 0, "io": 0})
        probed(tasks, "heat", lambda found: found["node"] == FILLED, requires=[EITHER])
        edit(kubectl, weights={"cpu": 0, "memory": 1, "io": 0})
        probed(tasks, "heat", lambda found: found["node"] == BUSY, requires=[EITHER])
        edit(kubectl, weights=usual["weights"], thresholds={"hot": WARM}, whenHot="Wait")
        tasks.apply(simulated("patient", COOLING), simulated("edited", "heat", requires=[EITHER]))
        for name in ("patient", "edited"):
            message = tasks.wait_reason(name, "NodesOverloaded")["status"]["message"]
            assert f"every node that can take it is over {WARM:.0%} load" in message
        use(kubectl, COOLING, *COOL)
        cooled = tasks.wait(lambda found: assigned(found, "patient"))
        assert cooled["patient"]["status"]["placement"]["class"] == "Cold"
        assert cooled["edited"]["status"]["state"] == "PENDING"
        edit(kubectl, thresholds={"hot": COLD})
        tasks.wait(lambda found: assigned(found, "edited"), CYCLE_SECONDS)


def shares(terms: str) -> list[float]:
    """The predicted shares in a status' `terms`."""
    return [float(number) for number in re.findall(r"·\w+ ([0-9.]+[0-9])", terms)]


def sinkhole(tasks: Tasks) -> None:
    """A node on which Tasks fail at once, and their like elsewhere not, is quarantined: Tasks go to the others.

    Of the real nodes it is the one that would have got the next Task. The policy's status names it and says why.
    """
    swallow(tasks)


def swallow(tasks: Tasks) -> str:
    """Make a sinkhole of a node; returns its name once the policy's status has it."""
    tasks.apply(task("scout", placement={"strategy": "LoadAware", "strict": True, "nodeSelector": {"type": "real"}}))
    bad = tasks.wait_terminal()["scout"]["status"]["assignedTo"]
    good = next(name for name in ("node-0", "node-1") if name != bad)
    worker = {"env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}

    def spoiled(name: str, strategy: str = "LoadAware", **selector: str) -> Json:
        """The same worker wherever it runs, and it fails on one node alone."""
        place = {"strategy": strategy, "strict": True, "nodeSelector": selector}
        return task(name, f'[ "$NODE" != {bad} ]', worker=worker, placement=place, retry={"limit": 0})

    tasks.apply(*(spoiled(f"lost-{n}", **{HOST: bad}) for n in range(3)), spoiled("fine", **{HOST: good}))
    ended = tasks.wait_terminal()
    assert {ended[name]["status"]["state"] for name in ("lost-0", "lost-1", "lost-2")} == {"FAILED"}
    assert ended["fine"]["status"]["state"] == "SUCCESS"
    strategies = ("LoadAware", "RoundRobin", "WeightedRandom")
    tasks.apply(*(spoiled(f"spared-{n}", strategies[n % 3], type="real") for n in range(9)))
    found = tasks.wait_terminal()
    assert bad not in nodes_of(found, "spared-")
    assert {item["status"]["state"] for name, item in found.items() if name.startswith("spared-")} == {"SUCCESS"}
    assert quarantined(tasks.kubectl, lambda nodes: bad in nodes)[bad]["because"]
    return str(bad)


def quarantined(kubectl: Kubectl, done: Callable[[dict[str, Json]], bool], seconds: float = 40) -> dict[str, Json]:
    """The nodes of class Quarantined, by the policy's status, once `done` says so."""
    end = time.monotonic() + seconds
    while True:
        status = json.loads(kubectl("get", "ldp", "default", "-o", "json").stdout).get("status", {})
        nodes = (*status.get("best", []), *status.get("worst", []))
        found = {node["name"]: node for node in nodes if node["class"] == "Quarantined"}
        if done(found):
            assert status["totals"]["quarantined"] == len(found)
            return found
        if time.monotonic() > end:
            pytest.fail(f"not in {seconds:g} s: {json.dumps(status, indent=1)}")
        time.sleep(0.5)
