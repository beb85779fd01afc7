"""What happens in a case when nothing is hurt. Each step waits for what it needs to see, so clean runs are alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.ground import PAIR
from tests.faults.world import World, task

LONG = "600"
NOWHERE = {"placement": {"nodeSelector": {"faults.loadstar.dev/none": "yes"}}}
SOON = {"backoff": {"initialSeconds": 1}}
VERSION = {"apiVersion": "loadstar.dev/v1alpha1"}
SEATED = "kwok-0"
"""The node that offers what only one Task of a case can have."""
UNSEEN = ("Disrupted", "PodLost")
"""A Pod that somebody deleted while no operator looked is lost instead of disrupted: the same to the Task."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`alike`: values that mean the same; messages, which tell them apart, are then not compared.

    `main`: its crash points are in the subset.
    """

    name: str
    about: str
    run: Callable[[World], Awaitable[None]]
    alike: tuple[str, ...] = ()
    main: bool = False


async def _single(world: World) -> None:
    await world.create(task("t", "0.4", 0))
    await world.until_state("t", "SUCCESS")


async def _two(world: World) -> None:
    await world.create(task("a", LONG, 0))
    await world.until_state("a", "RUNNING")
    await world.change("a", cancel=True)
    await world.create(task("b", "0.4", 0))
    await world.until_state("b", "SUCCESS")
    await world.until_state("a", "FAILED")


async def _retry(world: World) -> None:
    await world.create(task("t", "0.4", 1, 0, retry=SOON))
    await world.until_state("t", "SUCCESS")


async def _failure(world: World) -> None:
    await world.create(task("t", "0.4", 3, retry={"limit": 1, **SOON}))
    await world.until_state("t", "FAILED", reason="WorkerFailed")


async def _ignored(world: World) -> None:
    rules = [{"exitCodes": [7], "action": "Ignore"}]
    await world.create(task("t", "0.4", 7, 0, retry={"limit": 0, "rules": rules, **SOON}))
    await world.until_state("t", "SUCCESS")


async def _deadline(world: World) -> None:
    await world.create(task("t", LONG, 0, timeouts={"runSeconds": 1}))
    await world.until_state("t", "FAILED", reason="DeadlineExceeded")


async def _cancel_waiting(world: World) -> None:
    await world.create(task("t", "0.4", 0, **NOWHERE))
    await world.until_state("t", "PENDING", reason="NoMatchingNode")
    await world.change("t", cancel=True)
    await world.until_state("t", "FAILED", reason="Cancelled")


async def _cancel_running(world: World) -> None:
    await world.create(task("t", LONG, 0))
    await world.until_state("t", "RUNNING")
    await world.change("t", cancel=True)
    await world.until_state("t", "FAILED", reason="Cancelled")


async def _delete_running(world: World) -> None:
    await world.create(task("t", LONG, 0))
    await world.until_state("t", "RUNNING")
    pod = await world.until_pod("Running")
    uid = await world.delete("t")
    await world.until_gone(uid, pod["metadata"]["uid"])


async def _suspend_running(world: World) -> None:
    await world.create(task("t", f"{LONG},0.4", 0))
    await world.until_state("t", "RUNNING")
    await world.change("t", suspend=True)
    await world.until_state("t", "PENDING", reason="Suspended")
    await world.change("t", suspend=False)
    await world.until_state("t", "SUCCESS")


async def _suspend_waiting(world: World) -> None:
    await world.create(task("t", "0.4", 0, suspend=True))
    await world.until_state("t", "PENDING", reason="Suspended")
    await world.change("t", suspend=False)
    await world.until_state("t", "SUCCESS")


async def _recreate(world: World) -> None:
    await world.create(task("t", LONG, 0))
    await world.until_state("t", "RUNNING")
    pod = await world.until_pod("Running")
    old = await world.delete("t")
    await world.create(task("t", "0.4", 0))
    await world.until_gone(old, pod["metadata"]["uid"])
    await world.until_state("t", "SUCCESS")


async def _track(world: World) -> None:
    await world.create(task("t", "0.4", 1, 0, retry={**SOON, "trackCompletion": True}))
    await world.until_state("t", "SUCCESS")


async def _track_deleted(world: World) -> None:
    await world.create(task("t", LONG, 0, retry={"trackCompletion": True}))
    await world.until_state("t", "RUNNING")
    pod = await world.until_pod("Running")
    uid = await world.delete("t")
    await world.until_gone(uid, pod["metadata"]["uid"])


async def _pending_deadline(world: World) -> None:
    await world.create(task("t", "0.4", 0, timeouts={"pendingSeconds": 2}, **NOWHERE))
    await world.until_state("t", "FAILED", reason="PendingDeadlineExceeded")


async def _no_retention(world: World) -> None:
    await world.create(task("t", "0.4", 1, 0, retry=SOON, podRetention="None"))
    await world.until_state("t", "SUCCESS")
    await world.until_no_pods()


async def _disruption(world: World) -> None:
    await world.create(task("t", f"{LONG},0.4", 0))
    await world.until_state("t", "RUNNING")
    await world.delete_pod((await world.until_pod("Running"))["metadata"]["name"])
    await world.until_state("t", "SUCCESS")


async def _disruption_limit(world: World) -> None:
    await world.create(task("t", LONG, 0, retry={"disruptionLimit": 0}))
    await world.until_state("t", "RUNNING")
    await world.delete_pod((await world.until_pod("Running"))["metadata"]["name"])
    await world.until_state("t", "FAILED", reason="DisruptionLimitExceeded")


async def _success_unseen(world: World) -> None:
    await world.create(task("t", f"{LONG},0.4", 0))
    await world.until_state("t", "RUNNING")
    await world.down()
    await world.succeed(await world.until_pod("Running"))
    pod = await world.until_pod("Succeeded")
    await world.delete_pod(pod["metadata"]["name"])
    await world.until_gone(pod["metadata"]["uid"])
    await world.up()
    await world.until_state("t", "SUCCESS")


async def _success_tracked(world: World) -> None:
    await world.create(task("t", f"{LONG},0.4", 0, retry={"trackCompletion": True}))
    await world.until_state("t", "RUNNING")
    await world.down()
    await world.succeed(await world.until_pod("Running"))
    await world.delete_pod((await world.until_pod("Succeeded"))["metadata"]["name"])
    await world.up()
    await world.until_state("t", "SUCCESS")
    await world.until_no_pods()


async def _quota(world: World) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    await world.put("/api/v1/namespaces/{namespace}/resourcequotas", quota)
    await world.create(task("t", "0.4", 0))
    await world.until_state("t", "PENDING", reason="PodCreateForbidden")
    await world.remove("/api/v1/namespaces/{namespace}/resourcequotas/none")
    await world.until_state("t", "SUCCESS")


async def _limit_range(world: World) -> None:
    least = {"metadata": {"name": "large"}, "spec": {"limits": [{"type": "Container", "min": {"cpu": "1"}}]}}
    await world.put("/api/v1/namespaces/{namespace}/limitranges", least)
    await world.create(task("t", "0.4", 0))
    await world.until_state("t", "PENDING", reason="PodCreateForbidden")
    await world.remove("/api/v1/namespaces/{namespace}/limitranges/large")
    await world.until_state("t", "SUCCESS")


async def _denied(world: World) -> None:
    await world.label(faults_no_pods="yes")
    await world.create(task("t", "0.4", 0))
    await world.until_state("t", "PENDING", reason="PodCreateForbidden")
    await world.label(faults_no_pods=None)
    await world.until_state("t", "SUCCESS")


async def _preempted(world: World) -> None:
    queue = {"kind": "TaskQueue", "metadata": {"name": "shared"}, "spec": {"preemption": "LowerPriority"}}
    await world.put("/apis/loadstar.dev/v1alpha1/namespaces/{namespace}/taskqueues", {**VERSION, **queue})
    async with world.seat(SEATED) as seat:
        for name, seconds, priority in (("low", f"{LONG},0.4", 100), ("high", "0.4", 900)):
            one = task(name, seconds, 0, queue="shared", priority=priority, preemptible=True)
            one["spec"]["worker"]["resources"]["limits"] = {seat: 1}
            await world.create(one)
            if name == "low":
                await world.until_state("low", "RUNNING")
        await world.until_state("high", "SUCCESS")
        await world.until_state("low", "SUCCESS")


async def _closed_nodes(world: World) -> None:
    await world.create(task("t", "0.4", 0, placement={"nodeSelector": {PAIR: "yes"}}))
    await world.until_state("t", "SUCCESS")


async def _diamond(world: World) -> None:
    await world.create(task("join", "0.4", 0, dependencies=["left", "right"]))
    for name in ("left", "right"):
        await world.create(task(name, "0.4", 0, dependencies=["fetch"]))
    await world.create(task("fetch", "0.4", 0))
    await world.until_state("join", "SUCCESS")


async def _dependency_failed(world: World) -> None:
    for name, other in (("last", "next"), ("next", "first")):
        await world.create(task(name, "0.4", 0, dependencies=[other]))
    await world.create(task("any", "0.4", 0, dependencies=["first"], dependencyRules={"first": "Finished"}))
    await world.create(task("first", "0.4", 3, retry={"limit": 0}))
    await world.until_state("last", "FAILED", reason="DependencyFailed")
    await world.until_state("any", "SUCCESS")


async def _dependency_deleted(world: World) -> None:
    await world.create(task("a", LONG, 0, **NOWHERE))
    await world.create(task("b", "0.4", 0, dependencies=["a"]))
    await world.until_state("b", "PENDING", reason="WaitingForDependencies")
    old = await world.delete("a")
    await world.until_gone(old)
    await world.create(task("a", "0.4", 0))
    await world.until_state("b", "FAILED", reason="DependencyDeleted")
    await world.until_state("a", "SUCCESS")


async def _dependency_done(world: World) -> None:
    await world.create(task("a", "0.4", 0))
    await world.until_state("a", "SUCCESS")
    await world.create(task("held", "0.4", 0, suspend=True))
    await world.create(task("b", "0.4", 0, dependencies=["a", "held"]))
    await world.until_state("b", "PENDING", reason="WaitingForDependencies")
    pod = await world.until_pod("Succeeded")
    await world.until_gone(await world.delete("a"), pod["metadata"]["uid"])
    await world.change("held", suspend=False)
    await world.until_state("b", "SUCCESS")


ALL = (
    Scenario("single", "a Task that succeeds", _single, main=True),
    Scenario("retry", "an attempt fails, the next one succeeds", _retry, main=True),
    Scenario("failure", "every attempt fails, until none is left", _failure, main=True),
    Scenario("ignored", "an attempt ends in a way that a rule ignores, the next one succeeds", _ignored, main=True),
    Scenario("deadline", "an attempt runs longer than runSeconds", _deadline, main=True),
    Scenario("cancel-waiting", "cancelled while no node fits", _cancel_waiting, main=True),
    Scenario("cancel-running", "cancelled while it runs", _cancel_running, main=True),
    Scenario("delete-running", "deleted while it runs", _delete_running, main=True),
    Scenario("suspend-running", "suspended while it runs, then resumed", _suspend_running, main=True),
    Scenario("suspend-waiting", "created suspended, then resumed", _suspend_waiting),
    Scenario("recreate", "deleted while it runs, created again under the same name at once", _recreate, main=True),
    Scenario("track", "trackCompletion: a failure, then a success", _track, main=True),
    Scenario("track-deleted", "trackCompletion: deleted while it runs", _track_deleted),
    Scenario("pending-deadline", "waits longer than pendingSeconds", _pending_deadline, main=True),
    Scenario("no-retention", "podRetention None: a failure, then a success", _no_retention, main=True),
    Scenario("disruption", "its Pod is deleted by hand while it runs", _disruption, UNSEEN, main=True),
    Scenario("disruption-limit", "the same, with disruptionLimit 0", _disruption_limit, UNSEEN),
    Scenario("success-unseen", "its Pod succeeds and is deleted while the operator is down", _success_unseen, UNSEEN),
    Scenario("success-tracked", "the same, with trackCompletion", _success_tracked),
    Scenario("two", "one is cancelled while another runs", _two),
    Scenario("quota", "a ResourceQuota refuses the Pod, then no longer", _quota),
    Scenario("limit-range", "a LimitRange refuses the Pod, then no longer", _limit_range),
    Scenario("denied", "an admission policy refuses the Pod, then no longer", _denied),
    Scenario("preempted", "stopped for a Task of higher priority, then placed again", _preempted, main=True),
    Scenario("diamond", "four Tasks that wait for each other, made from the last to the first", _diamond),
    Scenario(
        "dependency-failed", "a failure runs down a chain; one Task waits for it all the same", _dependency_failed
    ),
    Scenario("dependency-deleted", "a dependency is deleted and made again under its name", _dependency_deleted),
    Scenario("dependency-done", "a dependency that succeeded is deleted while its dependent waits", _dependency_done),
    Scenario("closed-nodes", "two of the three nodes that fit are cordoned or not Ready", _closed_nodes),
)
BY_NAME = {scenario.name: scenario for scenario in ALL}
