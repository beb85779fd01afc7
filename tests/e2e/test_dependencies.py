"""Tasks that wait for others, on real nodes: results handed on, every rule, every way in which it can go wrong."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import Any

import yaml

from tests.e2e.conftest import ROOT, Json, Kubectl, Tasks, as_yaml, task
from tests.e2e.control import condition, patch
from tests.e2e.history import History
from tests.e2e.test_cli import loadstar
from tests.e2e.writes import Writes

RESULT = "/dev/termination-log"
NOWHERE = {"requires": ["e2e-nothing"]}
WIDE = 200


def state(found: dict[str, Json], name: str) -> tuple[str, str]:
    """State and reason of a Task."""
    status = found[name]["status"]
    return status["state"], status["reason"]


def create(tasks: Tasks, document: Json, *options: str) -> subprocess.CompletedProcess[str]:
    """Create a Task; what the API server says to it."""
    words = ("create", "-n", tasks.namespace, "-f", "-", *options)
    return tasks.kubectl(*words, stdin=as_yaml(document), check=False)


def test_a_diamond_hands_results_on(tasks: Tasks, history: History) -> None:
    """The sample, created from its end to its beginning: each waits for all before it and gets what they left."""
    documents = [item for item in yaml.safe_load_all((ROOT / "manifests/samples/diamond.yaml").read_text()) if item]
    for document in reversed(documents):
        assert create(tasks, document).returncode == 0
    found = tasks.wait_terminal(120)
    assert {name: item["status"]["state"] for name, item in found.items()} == dict.fromkeys(found, "SUCCESS")
    results = {name: item["status"]["result"] for name, item in found.items()}
    assert (results["fetch"], results["left"], results["right"]) == ("42", "43", "84")
    assert results["join"] == '43 and 84 of {"left":"43","right":"84"}'
    assert condition(found["join"], "DependenciesMet") == "True"
    begun = {name: item["status"]["startTime"] for name, item in found.items()}
    ended = {name: item["status"]["completionTime"] for name, item in found.items()}
    for item in documents:
        for other in item["spec"].get("dependencies", ()):
            assert ended[other] <= begun[item["metadata"]["name"]]
    uid = found["fetch"]["metadata"]["uid"]
    assert found["left"]["status"]["resolved"] == f"d{uid[:8]}"
    assert len(history.pods()) == len(documents)
    drawn = loadstar("graph", "join", "-n", tasks.namespace).splitlines()
    assert drawn[0] == "join  SUCCESS Completed"
    assert {"│  └─ fetch  SUCCESS Completed", "   └─ fetch  SUCCESS Completed"} <= set(drawn)


def test_what_the_documentation_shows(tasks: Tasks, history: History) -> None:
    """The Tasks of docs/dependencies.md: a result in a variable of the worker, a failure that is good enough."""
    text = (ROOT / "docs" / "dependencies.md").read_text()
    documents = [
        item for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) for item in yaml.safe_load_all(block)
    ]
    tasks.apply(*documents)
    found = tasks.wait_terminal(90)
    assert {name: item["status"]["state"] for name, item in found.items()} == {
        "rows": "SUCCESS",
        "report": "SUCCESS",
        "clean-up": "FAILED",
    }
    assert found["report"]["status"]["result"] == "42 rows"
    assert history.violations() == []


def test_rules_and_failures(tasks: Tasks, history: History) -> None:
    """Success, Finished and Failure against a success and a failure; a failure runs down the chain, and is told."""
    ends = {"good": "SUCCESS", "bad": "FAILED"}
    rules = {"Success": {"SUCCESS"}, "Finished": {"SUCCESS", "FAILED"}, "Failure": {"FAILED"}}
    tasks.apply(
        *(
            task(f"{name}-{rule.lower()}", dependencies=[name], dependencyRules={name: rule})
            for name in ends
            for rule in rules
        ),
        task("bad-next", dependencies=["bad-success"]),
        task("bad-last", dependencies=["bad-next", "good"]),
        task("echo", f'echo "$LOADSTAR_RESULT_GOOD" > {RESULT}', dependencies=["good"]),
        # In a command $$ is a $ and no reference.
        task("good", f"echo '$$(HOME) $$5' > {RESULT}"),
        task("bad", f"echo lost > {RESULT}; exit 3", retry={"limit": 0}),
    )
    found = tasks.wait_terminal(150)
    for name, end in ends.items():
        for rule, kept in rules.items():
            expected = ("SUCCESS", "Completed") if end in kept else ("FAILED", "DependencyFailed")
            assert state(found, f"{name}-{rule.lower()}") == expected
    assert (state(found, "bad-next"), state(found, "bad-last")) == (("FAILED", "DependencyFailed"),) * 2
    assert found["bad-last"]["status"]["message"].startswith(
        "bad-next ended FAILED (DependencyFailed), and must end in"
    )
    assert (found["good"]["status"]["result"], found["echo"]["status"]["result"]) == ("$(HOME) $5",) * 2
    assert "result" not in found["bad"]["status"]
    assert condition(found["bad-success"], "DependenciesMet") == "False"
    assert {pod["metadata"]["labels"]["loadstar.dev/task"] for pod in tasks.pods()} == {
        *("good", "bad", "echo", "good-success", "good-finished", "bad-finished", "bad-failure"),
    }
    assert history.violations() == []


def test_what_comes_goes_and_turns_round(tasks: Tasks, history: History, kubectl: Kubectl) -> None:
    """Missing and then created; deleted, and created again under the name; a cycle; suspended in between."""
    tasks.apply(
        task("replaced", placement=NOWHERE),
        task("held", suspend=True),
        task("removed", f"echo kept > {RESULT}"),
    )
    tasks.apply(
        task("late", dependencies=["missing"]),
        task("orphan", dependencies=["replaced"]),
        task("kept", dependencies=["held", "removed"]),
        task("paused", dependencies=["held"]),
        task("one", dependencies=["two"]),
        task("two", dependencies=["three"]),
    )
    found = tasks.wait(
        lambda found: (
            all(
                state(found, name)[1] == "WaitingForDependencies"
                for name in ("late", "orphan", "kept", "paused", "one")
            )
            and state(found, "removed")[0] == "SUCCESS"
            and found["kept"]["status"].get("resolved", "") != ""
        )
    )
    assert found["late"]["status"]["message"] == "0 of 1 done; waits for missing (not there yet)"
    assert condition(found["late"], "DependenciesMet") == "False"
    assert "0 of 1 done; waits for missing (not there yet)" in loadstar("why", "late", "-n", tasks.namespace)
    time.sleep(1.1)
    tasks.apply(task("missing"), task("three", dependencies=["one"]))
    kubectl("delete", "ldt", "replaced", "removed", "-n", tasks.namespace)
    tasks.apply(task("replaced"), task("removed", "exit 1", retry={"limit": 0}))
    patch(tasks, "paused", {"suspend": True})
    found = tasks.wait(
        lambda found: (
            state(found, "late") == ("SUCCESS", "Completed")
            and state(found, "orphan") == ("FAILED", "DependencyDeleted")
            and state(found, "three") == ("FAILED", "DependencyCycle")
            and state(found, "one") == ("FAILED", "DependencyFailed")
            and state(found, "replaced")[0] == "SUCCESS"
            and state(found, "removed")[0] == "FAILED"
            and state(found, "paused") == ("PENDING", "Suspended")
        ),
        90,
    )
    assert found["three"]["status"]["message"] == "waits for itself: three → one → two → three"
    assert "replaced was deleted before it ended" in found["orphan"]["status"]["message"]
    patch(tasks, "held", {"suspend": False})
    found = tasks.wait(lambda found: state(found, "kept") == ("SUCCESS", "Completed"), 60)
    pod = next(pod for pod in tasks.pods() if pod["metadata"]["labels"]["loadstar.dev/task"] == "kept")
    values = {item["name"]: item.get("value") for item in pod["spec"]["containers"][0]["env"]}
    assert values["LOADSTAR_RESULT_REMOVED"] == "kept"
    assert state(found, "paused") == ("PENDING", "Suspended")
    patch(tasks, "paused", {"suspend": False})
    tasks.wait(lambda found: state(found, "paused") == ("SUCCESS", "Completed"))
    assert history.violations() == []


def test_what_is_refused(tasks: Tasks) -> None:
    """Names that are none, the Task itself, one twice, too many, rules for others, and every change: in words."""
    refused: list[tuple[Json, str]] = [
        ({"dependencies": ["other/a"]}, "spec.dependencies: must be names of Tasks of the same namespace: DNS labels"),
        ({"dependencies": ["A_b"]}, "spec.dependencies: must be names of Tasks of the same namespace: DNS labels"),
        ({"dependencies": ["t"]}, "spec.dependencies: must not name the Task itself"),
        ({"dependencies": ["a", "a"]}, "spec.dependencies[1]: Duplicate value"),
        ({"dependencies": ["x" * 64]}, "may not be more than 63"),
        ({"dependencies": [f"d{n}" for n in range(1001)]}, "must have at most 1000 items"),
        (
            {"dependencyRules": {"a": "Success"}},
            "spec.dependencyRules: must have only keys that spec.dependencies names",
        ),
        (
            {"dependencies": ["a"], "dependencyRules": {"a": "Success", "b": "Success"}},
            "spec.dependencyRules: must have only keys that spec.dependencies names",
        ),
        (
            {"dependencies": ["a"], "dependencyRules": {"a": "Maybe"}},
            'supported values: "Success", "Finished", "Failure"',
        ),
    ]
    for spec, words in refused:
        done = create(tasks, task("t", **spec), "--dry-run=server")
        assert done.returncode != 0, spec
        assert words in done.stderr, done.stderr
    names = [f"{'d' * 58}-{n:04}" for n in range(1000)]
    widest = task("t", dependencies=names, dependencyRules=dict.fromkeys(names, "Finished"))
    done = create(tasks, widest, "--dry-run=server")
    assert done.returncode == 0, done.stderr
    tasks.apply(task("t", dependencies=["a"]))
    for change in ({"dependencies": ["b"]}, {"dependencies": None}, {"dependencyRules": {"a": "Failure"}}):
        assert re.search(r"spec\.dependenc\w+: must stay as it was created", patch(tasks, "t", change, check=False))


def test_many_dependencies_cost_no_more_writes(tasks: Tasks, kubectl: Kubectl) -> None:
    """One Task waits for two hundred that are held and then cancelled: one write for the wait, three for its way."""
    names = [f"d{number:03}" for number in range(WIDE)]
    tasks.apply(
        task("all", dependencies=names, dependencyRules=dict.fromkeys(names, "Finished")),
        *(task(name, placement=NOWHERE, suspend=True) for name in names),
    )
    waits = tasks.wait(
        lambda found: (
            state(found, "all")[1] == "WaitingForDependencies"
            and all(state(found, name)[1] == "Suspended" for name in names)
        ),
        120,
    )["all"]["status"]
    assert re.fullmatch(r"0 of 200 done; waits for d\d+ .*, d\d+ .*, d\d+ .* and 197 more", waits["message"])
    writes = Writes(kubectl)
    before = writes.rest("tasks/status", "pods")
    tasks.apply(*(task(name, placement=NOWHERE, suspend=True, cancel=True) for name in names))
    found = tasks.wait(lambda found: state(found, "all")[0] == "SUCCESS", 120)
    assert {state(found, name) for name in names} == {("FAILED", "Cancelled")}
    assert writes.rest("tasks/status", "pods") - before <= WIDE + 4
    assert found["all"]["status"]["resolved"].count("d") >= WIDE
    assert len(json.dumps(found["all"]["status"])) < 32 * 1024


def test_recurring_work(tasks: Tasks, kubectl: Kubectl) -> None:
    """The sample's CronJob is valid and its Pod let in; its account may create Tasks alone; such a Task runs."""
    space = tasks.namespace
    sample = ROOT / "manifests" / "samples" / "recurring" / "nightly.yaml"
    kubectl("apply", "-n", space, "-f", str(sample))
    account = f"--as=system:serviceaccount:{space}:nightly"

    def may(*words: str) -> bool:
        return kubectl("auth", "can-i", *words, "-n", space, account, check=False).stdout.strip() == "yes"

    assert may("create", "tasks.loadstar.dev")
    assert not any(may(verb, "tasks.loadstar.dev") for verb in ("get", "list", "delete", "update", "patch"))
    assert not any(may(verb, kind) for verb in ("get", "create") for kind in ("secrets", "pods", "configmaps"))
    text: Any = json.loads(kubectl("get", "configmap", "nightly", "-n", space, "-o", "json").stdout)["data"][
        "task.yaml"
    ]
    # As its container does: kubectl create, with the account's rights alone.
    made = kubectl("create", "--validate=false", "-n", space, account, "-f", "-", "-o", "name", stdin=text).stdout
    assert re.fullmatch(r"task\.loadstar\.dev/nightly-\w+\n", made)
    kubectl("create", "job", "now", "--from=cronjob/nightly", "-n", space)
    selector = ("-l", "job-name=now", "-n", space, "-o", "name")
    end = time.monotonic() + 30
    while not kubectl("get", "pods", *selector).stdout.strip():
        assert time.monotonic() < end, "no Pod of the Job is let in"
        time.sleep(0.5)
    assert {item["status"]["state"] for item in tasks.wait_terminal(60).values()} == {"SUCCESS"}
