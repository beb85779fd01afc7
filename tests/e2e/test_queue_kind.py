"""TaskQueues and tenants at a real API server: what is refused and why, what a queue's status says, who may do what."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.conftest import Kubectl, Tasks, as_yaml, fresh_namespace, task
from tests.e2e.test_permissions import Jane, jane  # noqa: F401 - a fixture

Json = dict[str, Any]
TENANT = "e2e-tenant"
"""The label by which a test's namespace is its tenant's."""
LONG = "sleep 600"
ERROR = "Error from server"


def queue(name: str = "q", **spec: Any) -> Json:
    return {"apiVersion": "loadstar.dev/v1alpha1", "kind": "TaskQueue", "metadata": {"name": name}, "spec": spec}


def policy(*tenants: Json) -> Json:
    return {
        "apiVersion": "loadstar.dev/v1alpha1",
        "kind": "PlacementPolicy",
        "metadata": {"name": "default"},
        "spec": {"tenants": list(tenants)},
    }


def tenant(name: str, labels: Json | None = None, **fields: Any) -> Json:
    return {"name": name, "namespaceSelector": {"matchLabels": labels} if labels else {}, **fields}


BAD: dict[str, tuple[Json, str]] = {
    "ordering": (queue(ordering="LIFO"), 'supported values: "Priority", "FIFO", "LoadAware"'),
    "weight-none": (queue(weight=0), "spec.weight in body should be greater than or equal to 1"),
    "weight-heavy": (queue(weight=10001), "spec.weight in body should be less than or equal to 10000"),
    "weight-as-word": (queue(weight="high"), "must be of type integer"),
    "running-none": (queue(limits={"running": 0}), "spec.limits.running in body should be greater than or equal to 1"),
    "cpu-none": (queue(limits={"cpu": "0.0"}), "spec.limits.cpu: Invalid value: must be more than 0"),
    "memory-none": (queue(limits={"memory": 0}), "spec.limits.memory: Invalid value: must be more than 0"),
    "memory-as-word": (queue(limits={"memory": "lots"}), "must be a quantity of 0 or more, such as 250m"),
    "gpu": (queue(limits={"gpu": 1}), 'unknown field "spec.limits.gpu"'),
    "aging-backwards": (queue(agingSeconds=-1), "spec.agingSeconds in body should be greater than or equal to 0"),
    "aging-slow": (queue(agingSeconds=86401), "should be less than or equal to 86400"),
    "suspend-as-word": (queue(suspend="yes"), "must be of type boolean"),
    "requests": (queue(requests="Guessed"), 'supported values: "Declared", "Learned"'),
    "preemption": (queue(preemption="Always"), 'supported values: "Never", "LowerPriority"'),
    "unknown": (queue(priority=1), 'unknown field "spec.priority"'),
    "name": (queue("q.low"), "must be named by a DNS label: at most 63 of a-z, 0-9 and '-'"),
    "name-long": (queue("q" * 64), "must be named by a DNS label: at most 63"),
    "tenant-twice": (policy(tenant("a"), tenant("a")), "spec.tenants[1]: Duplicate value"),
    "tenant-name": (policy(tenant("Media")), "must be a DNS label: a-z, 0-9 and '-'"),
    "tenant-priority": (policy(tenant("a", maxPriority=1001)), "should be less than or equal to 1000"),
    "tenant-key": (policy(tenant("a", {"a b": "x"})), "each a label's key: NAME or prefix.example/NAME"),
    "tenant-label": (policy(tenant("a", {"a": "x y"})), "must be a label's value: at most 63 of"),
    "tenant-expressions": (
        policy({"name": "a", "namespaceSelector": {"matchExpressions": []}}),
        'unknown field "spec.tenants[0].namespaceSelector.matchExpressions"',
    ),
    "tenant-of-nothing": (policy({"name": "a"}), "spec.tenants[0].namespaceSelector: Required value"),
    "tenant-limit": (policy(tenant("a", limits={"cpu": "0"})), "spec.tenants[0].limits.cpu: Invalid value: must be"),
}


@pytest.fixture
def tenants(kubectl: Kubectl) -> Iterator[Callable[..., None]]:
    """Says who the tenants are; after the test there are none."""

    def say(*found: Json) -> None:
        patch = json.dumps({"spec": {"tenants": list(found) or None}})
        kubectl("patch", "ldp", "default", "--type=merge", "-p", patch)

    yield say
    say()


def status_of(kubectl: Kubectl, namespace: str, done: Callable[[Json], bool], seconds: float = 40) -> Json:
    """The status of queue `q` once `done` says so: it is written every 15 s at most."""
    end = time.monotonic() + seconds
    while True:
        found = json.loads(kubectl("get", "ldq", "q", "-n", namespace, "-o", "json").stdout).get("status") or {}
        if done(found):
            return dict(found)
        if time.monotonic() > end:
            pytest.fail(f"not in {seconds:g} s: {json.dumps(found, indent=1)}")
        time.sleep(0.5)


def condition(status: Json, kind: str) -> Json:
    return next(dict(item) for item in status["conditions"] if item["type"] == kind)


def running(tasks: dict[str, Json]) -> int:
    return sum(item["status"]["state"] == "RUNNING" for item in tasks.values())


@pytest.mark.parametrize(("document", "message"), BAD.values(), ids=BAD)
def test_bad_queues_and_tenants_are_refused(kubectl: Kubectl, namespace: str, document: Json, message: str) -> None:
    """Each in a sentence that says what is allowed, at the API server, before anything sees it."""
    word = "replace" if document["kind"] == "PlacementPolicy" else "create"
    done = kubectl(word, "--dry-run=server", "-n", namespace, "-f", "-", stdin=as_yaml(document), check=False)
    assert done.returncode != 0
    assert message in done.stderr


def test_an_empty_spec_is_a_queue(kubectl: Kubectl, namespace: str) -> None:
    """What is not said has its default, and the columns show it; a status comes within seconds."""
    kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(queue()))
    spec = json.loads(kubectl("get", "ldq", "q", "-n", namespace, "-o", "json").stdout)["spec"]
    assert spec == {
        "ordering": "Priority",
        "weight": 100,
        "suspend": False,
        "agingSeconds": 10,
        "preemption": "Never",
    }
    status = status_of(kubectl, namespace, bool, 10)
    assert (status["pending"], status["running"], status["observedGeneration"]) == (0, 0, 1)
    assert "oldestWaitTime" not in status
    assert condition(status, "Active")["status"] == "True"
    head, line = kubectl("get", "ldq", "-n", namespace).stdout.splitlines()
    columns = ["NAME", "ORDERING", "WEIGHT", "PENDING", "RUNNING", "OLDEST", "WAIT", "SUSPENDED", "AGE"]
    assert head.split() == columns
    assert line.split()[:5] == ["q", "Priority", "100", "0", "0"]


def test_a_limit_is_kept_told_and_edited(kubectl: Kubectl, namespace: str, tasks: Tasks) -> None:
    """With one Task at once two wait for QueueLimit, and the status says so in right numbers; raised, they go on."""
    kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(queue(limits={"running": 1})))
    tasks.apply(*(task(f"t{number}", LONG, queue="q") for number in range(3)))
    tasks.wait(lambda found: running(found) == 1)
    status = status_of(
        kubectl,
        namespace,
        lambda found: found.get("running") == 1 and found.get("reasons") == [{"reason": "QueueLimit", "count": 2}],
    )
    assert status["pending"] == 2
    assert status["used"] == {"cpu": "10m", "memory": "8Mi"}
    assert status["admittedPerMinute"] <= 1
    assert condition(status, "WithinLimits")["status"] == "False"
    assert condition(status, "WithinLimits")["message"] == "1 of 1 running"
    waiting = [item for item in tasks.all().values() if item["status"]["state"] == "PENDING"]
    created = min(item["metadata"]["creationTimestamp"] for item in waiting)
    assert datetime.fromisoformat(status["oldestWaitTime"]) == datetime.fromisoformat(created)
    told = kubectl("get", "ldq", "q", "-n", namespace, "-o", "wide").stdout
    assert "QueueLimit" in told
    assert "1 of 1 running" in told

    kubectl("patch", "ldq", "q", "-n", namespace, "--type=merge", "-p", '{"spec": {"limits": {"running": 2}}}')
    found = tasks.wait(lambda found: sum(bool(item["status"].get("assignedTo")) for item in found.values()) == 2, 15)
    assert sum(item["status"]["state"] == "PENDING" for item in found.values()) == 1
    kubectl("patch", "ldq", "q", "-n", namespace, "--type=merge", "-p", '{"spec": {"limits": null}}')
    tasks.wait(lambda found: running(found) == 3, 60)
    status = status_of(kubectl, namespace, lambda found: found["running"] == 3)
    assert (status["pending"], status.get("reasons", [])) == (0, [])
    assert "oldestWaitTime" not in status
    assert [item["type"] for item in status["conditions"]] == ["Active"]


def test_a_suspended_queue_starts_nothing(kubectl: Kubectl, namespace: str, tasks: Tasks) -> None:
    """What is in it waits with that reason, the status says so, and it goes on as soon as it may."""
    kubectl("apply", "-n", namespace, "-f", "-", stdin=as_yaml(queue(suspend=True)))
    tasks.apply(task("t", queue="q"))
    tasks.wait_reason("t", "QueueSuspended", 30)
    status = status_of(kubectl, namespace, lambda found: found.get("pending") == 1)
    assert condition(status, "Active")["reason"] == "Suspended"
    kubectl("patch", "ldq", "q", "-n", namespace, "--type=merge", "-p", '{"spec": {"suspend": false}}')
    assert tasks.wait_terminal()["t"]["status"]["state"] == "SUCCESS"


def test_a_tasks_queue_may_change_while_it_waits(kubectl: Kubectl, namespace: str, tasks: Tasks) -> None:
    """A queue that nobody made is waited for; named rightly the Task runs, and then it stays where it is."""
    tasks.apply(task("t", LONG, queue="lost"))
    found = tasks.wait_reason("t", "QueueNotFound", 30)
    assert "default" in found["status"]["message"], "it says what there is"
    patch = ("patch", "ldt", "t", "-n", namespace, "--type=merge", "-p")
    kubectl(*patch, '{"spec": {"queue": "default"}}')
    tasks.wait(lambda found: running(found) == 1)
    done = kubectl(*patch, '{"spec": {"queue": "other"}}', check=False)
    assert "spec.queue: must stay as it is unless the Task is PENDING" in done.stderr
    kubectl(*patch, '{"spec": {"queue": null}}')
    assert kubectl("get", "ldt", "-n", namespace, "--field-selector=spec.queue=lost", "-o", "name").stdout == ""


def test_priorities_stay_within_the_tenants(
    kubectl: Kubectl, namespace: str, tasks: Tasks, tenants: Callable[..., None]
) -> None:
    """Above maxPriority a Task is refused, new or edited, and told the maximum; at it, and elsewhere, it is not."""
    tasks.apply(task("before", priority=900, placement={"requires": ["e2e-nowhere"]}))
    kubectl("label", "namespace", namespace, f"{TENANT}={namespace}")
    tenants(tenant("e2e", {TENANT: namespace}, maxPriority=600), tenant("all", {TENANT: namespace}, maxPriority=100))

    def tried(document: Json, where: str = namespace) -> str:
        words = ("create", "--dry-run=server", "-n", where, "-f", "-")
        return kubectl(*words, stdin=as_yaml(document), check=False).stderr

    end = time.monotonic() + 30
    while ERROR not in (said := tried(task("high", priority=601))) and "is invalid" not in said:
        assert time.monotonic() < end, "the policy on priorities is not in force"
        time.sleep(0.5)
    assert f"spec.priority: must be at most 600 in namespace {namespace}, which is of tenant e2e" in said
    assert "it is 601" in said
    assert tried(task("at-most", priority=600)) == ""
    assert tried(task("silent")) == ""
    with fresh_namespace(kubectl) as other:
        assert tried(task("elsewhere", priority=1000), other) == ""

    patch = ("patch", "ldt", "before", "-n", namespace, "--type=merge", "-p")
    kubectl(*patch, '{"spec": {"description": "what it had it keeps"}}')
    done = kubectl(*patch, '{"spec": {"priority": 800}}', check=False)
    assert "must be at most 600" in done.stderr
    kubectl(*patch, '{"spec": {"priority": 600}}')

    tenants(tenant("e2e", {TENANT: namespace}, maxPriority=400))
    end = time.monotonic() + 30
    while "must be at most 400" not in (said := tried(task("silent"))):
        assert time.monotonic() < end, "the new maximum is not in force"
        time.sleep(0.5)
    assert "it is 500, as that of every Task that says none" in said


def test_who_may_do_what_with_queues(jane: Jane, kubectl: Kubectl, namespace: str) -> None:  # noqa: F811 - the fixture
    """Who may edit Tasks makes and edits queues of his namespace, and never writes their status."""
    jane("apply", "-f", "-", stdin=as_yaml(queue(weight=300)))
    jane("patch", "ldq", "q", "--type=merge", "-p", '{"spec": {"weight": 200}}')
    assert "200" in jane("get", "ldq").stdout
    patch = ("--subresource=status", "--type=merge", "-p", '{"status": {"pending": 7}}')
    done = jane("patch", "ldq", "q", *patch, check=False)
    assert 'resource "taskqueues/status"' in done.stderr
    assert jane("get", "ldq", "-n", "default", check=False).returncode
    jane("delete", "ldq", "q")
    rights = json.loads(kubectl("get", "clusterrole", "loadstar-view", "-o", "json").stdout)["rules"]
    (verbs,) = [set(rule["verbs"]) for rule in rights if "taskqueues" in rule["resources"]]
    assert verbs == {"get", "list", "watch"}
    account = "--as=system:serviceaccount:loadstar-system:loadstar-operator"
    for verb, allowed in (("update", "no"), ("patch", "no"), ("delete", "no"), ("watch", "yes")):
        asked = ("auth", "can-i", verb, "taskqueues.loadstar.dev", "-n", namespace, account)
        assert kubectl(*asked, check=False).stdout.strip() == allowed, verb
    done = kubectl("auth", "can-i", "get", "namespaces", account, check=False)
    assert done.stdout.strip() == "no", "their labels come by list and watch"
