"""What the API server refuses by the CRDs alone, and in which words: bad Tasks, illegal edges, forbidden edits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadstar.api.task import MUTABLE
from loadstar.core.states import TRANSITIONS, State
from tests.e2e.conftest import Kubectl, Tasks, as_yaml, task

Json = dict[str, Any]
ERROR = "Error from server"
EDIT = f"must stay as it was created; only {', '.join(MUTABLE)} may change"


def worker(**fields: Any) -> Json:
    """A spec whose worker is right but for what is named."""
    return {"worker": {"image": "busybox:1.35", **fields}}


def spec(**fields: Any) -> Json:
    """A spec that is right but for what is named."""
    return {**worker(), **fields}


def env(**variable: Any) -> Json:
    return worker(env=[variable])


def volume(*mounts: Json, **source: Any) -> Json:
    return worker(volumes=[{"name": "data", **source}], volumeMounts=list(mounts))


def resources(**fields: Any) -> Json:
    return worker(resources=fields)


def tolerated(**toleration: Any) -> Json:
    return spec(placement={"tolerations": [toleration]})


def weights(cpu: float, memory: float, io: float) -> Json:
    return spec(placement={"weights": {"cpu": cpu, "memory": memory, "io": io}})


def ruled(**rule: Any) -> Json:
    return spec(retry={"rules": [rule]})


BAD: dict[str, tuple[Json, str]] = {
    "nothing-to-run": ({}, "must have worker, or a type whose worker the PlacementPolicy has"),
    "image-missing": ({"worker": {}}, "spec.worker.image: Required value"),
    "image-with-space": (worker(image="busy box"), "must be an image such as registry.example/team/resize:1.4"),
    "image-empty": (worker(image=""), "should be at least 1 chars long"),
    "pull-sometimes": (worker(imagePullPolicy="Sometimes"), 'supported values: "Always", "IfNotPresent", "Never"'),
    "command-as-text": (worker(command="sh -c true"), "must be of type array"),
    "pod-template": (spec(template={}), 'unknown field "spec.template"'),
    "host-network": (worker(hostNetwork=True), 'unknown field "spec.worker.hostNetwork"'),
    "privileged": (worker(securityContext={"privileged": True}), 'field "spec.worker.securityContext.privileged"'),
    "host-path": (volume(hostPath={"path": "/"}), 'unknown field "spec.worker.volumes[0].hostPath"'),
    "token": (
        volume(projected={"sources": [{"serviceAccountToken": {"path": "t"}}]}),
        'unknown field "spec.worker.volumes[0].projected.sources[0].serviceAccountToken"',
    ),
    "root-user": (worker(securityContext={"runAsUser": 0}), "should be greater than or equal to 1"),
    "root-group": (worker(securityContext={"supplementalGroups": [0]}), "should be greater than or equal to 1"),
    "priority-too-high": (spec(priority=1001), "should be less than or equal to 1000"),
    "priority-negative": (spec(priority=-1), "should be greater than or equal to 0"),
    "priority-as-word": (spec(priority="high"), "must be of type integer"),
    "description-long": (spec(description="x" * 1025), "may not be more than 1024"),
    "queue-upper-case": (spec(queue="Nightly"), "must be a DNS label: a-z, 0-9 and '-'"),
    "type-upper-case": (spec(type="Image"), "must be a DNS label: a-z, 0-9 and '-'"),
    "strategy-unknown": (spec(placement={"strategy": "Best"}), 'supported values: "LoadAware", "WeightedRandom"'),
    "capability-illegal": (spec(placement={"requires": ["a b"]}), "must be a name of A-Z, a-z, 0-9, '-', '_' and '.'"),
    "capability-twice": (spec(placement={"requires": ["gpu", "gpu"]}), "spec.placement.requires[1]: Duplicate value"),
    "capabilities-many": (spec(placement={"prefers": [f"c{n}" for n in range(17)]}), "must have at most 16 items"),
    "weights-beyond-one": (weights(0.5, 0.5, 0.5), "must be three numbers from 0 to 1 that sum to 1"),
    "weight-negative": (weights(-0.5, 1, 0.5), "should be greater than or equal to 0"),
    "weight-missing": (spec(placement={"weights": {"cpu": 1}}), "spec.placement.weights.io: Required value"),
    "selector-key": (spec(placement={"nodeSelector": {"a b": "x"}}), "each a label's key: NAME or prefix.example/NAME"),
    "selector-value": (spec(placement={"nodeSelector": {"a": "x y"}}), "must be a label's value: at most 63 of"),
    "toleration-value": (
        tolerated(key="a", operator="Exists", value="b"),
        "must have no value when operator is Exists",
    ),
    "toleration-no-key": (tolerated(value="b"), "must have operator Exists when it has no key"),
    "toleration-effect": (tolerated(key="a", effect="Never"), '"NoSchedule", "PreferNoSchedule", "NoExecute"'),
    "retry-limit": (spec(retry={"limit": 101}), "should be less than or equal to 100"),
    "backoff-shrinks": (spec(retry={"backoff": {"factor": 0.5}}), "should be greater than or equal to 1"),
    "backoff-order": (
        spec(retry={"backoff": {"initialSeconds": 10, "maxSeconds": 5}}),
        "must have maxSeconds of at least initialSeconds",
    ),
    "rule-of-nothing": (ruled(action="Fail"), "must have exitCodes (from 1 to 255) or reasons, or both"),
    "rule-success": (ruled(action="Fail", exitCodes=[0]), "should be greater than or equal to 1"),
    "rule-code": (ruled(action="Fail", exitCodes=[256]), "should be less than or equal to 255"),
    "rule-no-code": (ruled(action="Fail", exitCodes=[]), "should have at least 1 items"),
    "rule-twice": (ruled(action="Fail", exitCodes=[3, 3]), "Duplicate value"),
    "rule-action": (ruled(action="Stop", exitCodes=[3]), 'supported values: "Fail", "Retry", "Ignore"'),
    "rule-reason": (ruled(action="Fail", reasons=["Bored"]), 'supported values: "WorkerFailed", "OOMKilled", '),
    "rule-memory-of-all": (
        ruled(action="Retry", exitCodes=[137], memoryFactor=2),
        "must have action Retry and reasons [OOMKilled] when it has memoryFactor",
    ),
    "rule-memory-ignored": (
        ruled(action="Ignore", reasons=["OOMKilled"], memoryFactor=2),
        "must have action Retry and reasons [OOMKilled] when it has memoryFactor",
    ),
    "rule-memory-same": (ruled(action="Retry", reasons=["OOMKilled"], memoryFactor=1), "should be greater than 1"),
    "rule-memory-much": (
        ruled(action="Retry", reasons=["OOMKilled"], memoryFactor=8.5),
        "should be less than or equal to 8",
    ),
    "rules-many": (spec(retry={"rules": [{"action": "Fail", "exitCodes": [3]}] * 17}), "must have at most 16 items"),
    "no-time": (spec(timeouts={"runSeconds": 0}), "should be greater than or equal to 1"),
    "ttl-negative": (spec(ttlSecondsAfterFinished=-1), "should be greater than or equal to 0"),
    "env-name": (env(name="1X", value="x"), "that does not start with a digit"),
    "env-ours": (env(name="LOADSTAR_PART", value="7"), "must be a name outside LOADSTAR_*"),
    "env-number": (env(name="N", value=1), "must be of type string"),
    "env-both": (
        env(name="A", value="x", valueFrom={"fieldRef": {"fieldPath": "metadata.name"}}),
        "must have value or valueFrom, not both",
    ),
    "env-from-nothing": (
        env(name="A", valueFrom={}),
        "must name exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef",
    ),
    "env-field": (env(name="A", valueFrom={"fieldRef": {"fieldPath": "spec.image"}}), "must be metadata.name, "),
    "env-secret-name": (
        env(name="A", valueFrom={"secretKeyRef": {"name": "No_Secret", "key": "k"}}),
        "must be a name of an object: a-z, 0-9, '-' and '.'",
    ),
    "env-twice": (worker(env=[{"name": "A"}, {"name": "A"}]), "spec.worker.env[1]: Duplicate value"),
    "env-of-both": (
        worker(envFrom=[{"configMapRef": {"name": "a"}, "secretRef": {"name": "a"}}]),
        "must name exactly one of configMapRef and secretRef",
    ),
    "request-lots": (resources(requests={"cpu": "lots"}), "must be a quantity of 0 or more, such as 250m"),
    "request-negative": (resources(requests={"cpu": -1}), "should be greater than or equal to 0"),
    "request-over-limit": (
        resources(requests={"memory": "1Gi"}, limits={"memory": "512Mi"}),
        "must request at most the limit of each resource",
    ),
    "resource-unknown": (
        resources(limits={"gpu": 1}),
        "must be cpu, memory, ephemeral-storage or an extended resource such as nvidia.com/gpu",
    ),
    "gpu-without-limit": (resources(requests={"x.example/gpu": 1}), "must give an extended resource a limit"),
    "gpu-in-half": (resources(limits={"x.example/gpu": "500m"}), "must give an extended resource as a whole number"),
    "volume-of-nothing": (volume(), "must name exactly one of emptyDir, configMap, secret, persistentVolumeClaim"),
    "volume-of-two": (volume(emptyDir={}, configMap={"name": "a"}), "must name exactly one of emptyDir, configMap"),
    "volume-ours": (
        worker(volumes=[{"name": "loadstar-tmp", "emptyDir": {}}]),
        "must be a name other than loadstar-tmp",
    ),
    "projected-empty": (volume(projected={"sources": [{}]}), "must name exactly one of configMap, secret and downward"),
    "mount-unknown": (
        volume({"name": "other", "mountPath": "/data"}, emptyDir={}),
        "must mount only volumes that this worker names under volumes",
    ),
    "mount-relative": (
        volume({"name": "data", "mountPath": "data"}, emptyDir={}),
        "must be an absolute path such as /data",
    ),
    "mount-outside": (
        volume({"name": "data", "mountPath": "/data", "subPath": "a/../.."}, emptyDir={}),
        "must be a relative path such as a/b",
    ),
    "mount-twice": (
        volume({"name": "data", "mountPath": "/d"}, {"name": "data", "mountPath": "/d"}, emptyDir={}),
        "spec.worker.volumeMounts[1]: Duplicate value",
    ),
    "system-priority": (
        worker(priorityClassName="system-node-critical"),
        "must be a PriorityClass outside system-*",
    ),
    "grace-long": (worker(terminationGracePeriodSeconds=86400), "should be less than or equal to 3600"),
    "with.dots": (worker(), "metadata.name: must be a DNS label: at most 63 of a-z, 0-9 and '-'"),
    "n" * 64: (worker(), "metadata.name: must be a DNS label: at most 63 of a-z, 0-9 and '-'"),
    "Upper": (worker(), "must consist of lower case alphanumeric characters"),
}

BAD_POLICIES: dict[str, tuple[Json, str]] = {
    "other": ({}, "must be named default"),
    "default": (
        {
            "weights": {"cpu": 1, "memory": 1, "io": 1},
            "thresholds": {"hot": 0},
            "metrics": {"periodSeconds": 0},
            "types": {"Image": {"requires": ["a b"]}},
        },
        "must be three numbers from 0 to 1 that sum to 1",
    ),
}


def objects(kind: str, specs: dict[str, tuple[Json, str]]) -> str:
    """The objects of these specs, as YAML."""
    head = {"apiVersion": "loadstar.dev/v1alpha1", "kind": kind}
    return as_yaml(*({**head, "metadata": {"name": name}, "spec": body} for name, (body, _) in specs.items()))


@pytest.fixture(scope="module")
def refusals(kubectl: Kubectl) -> dict[str, str]:
    """What `kubectl apply` says of each bad Task. One call: it goes on after a refusal, one line each, in order."""
    done = kubectl("apply", "-n", "default", "-f", "-", stdin=objects("Task", BAD), check=False)
    assert done.stdout == "", "these were not refused"
    lines = [line for line in done.stderr.splitlines() if line.startswith(ERROR)]
    assert len(lines) == len(BAD), done.stderr
    return dict(zip(BAD, lines, strict=True))


@pytest.mark.parametrize("name", BAD)
def test_bad_task_is_refused(name: str, refusals: dict[str, str]) -> None:
    """A bad Task is refused, and the message says what is allowed."""
    assert BAD[name][1] in refusals[name]


def test_bad_policy_is_refused(kubectl: Kubectl) -> None:
    """A PlacementPolicy has one name, and bounds of its own."""
    done = kubectl("create", "--dry-run=server", "-f", "-", stdin=objects("PlacementPolicy", BAD_POLICIES), check=False)
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith(ERROR)]
    for line, (_, words) in zip(lines, BAD_POLICIES.values(), strict=True):
        assert words in line
    assert "should be greater than 0" in lines[1]
    assert "should be greater than or equal to 1" in lines[1]
    assert "must have keys of at most 63 characters, each a DNS label" in lines[1]


BAD_METRICS: dict[str, tuple[Json, str]] = {
    "cpu-unmeasured": (
        {"sources": {"cpu": "None"}},
        'metrics.sources.cpu: Unsupported value: "None": supported values: "MetricsServer", "Kubelet", "Prometheus"',
    ),
    "io-of-metrics-server": (
        {"sources": {"io": "MetricsServer"}},
        'Unsupported value: "MetricsServer": supported values: "None", "Kubelet", "Prometheus"',
    ),
    "prometheus-missing": ({"sources": {"io": "Prometheus"}}, "must have prometheus.url when a source is Prometheus"),
    "url-without-scheme": ({"prometheus": {"url": "prometheus:9090"}}, "must be an http or https URL such as"),
    "url-with-password": ({"prometheus": {"url": "http://a:b@c"}}, "without user, query or fragment"),
    "token-in-the-clear": (
        {"prometheus": {"url": "http://c", "tokenFile": "token"}},
        "must have an https url when it names a tokenFile",
    ),
    "window-too-short": (
        {"prometheus": {"url": "http://c", "scrapeSeconds": 60, "windowSeconds": 60}},
        "must have windowSeconds of at least twice scrapeSeconds",
    ),
    "file-elsewhere": ({"kubelet": {"tls": {"caFile": "../ca.crt"}}}, "must be the name of a file that the chart's"),
    "trust-twice": (
        {"kubelet": {"tls": {"caFile": "ca.crt", "insecureSkipVerify": True}}},
        "must not name a caFile when insecureSkipVerify is true",
    ),
    "label-illegal": (
        {"prometheus": {"url": "http://c", "nodeLabels": ["a-b"]}},
        "must be a label of Prometheus: letters, digits and '_'",
    ),
}


@pytest.mark.parametrize("name", BAD_METRICS)
def test_bad_metrics_are_refused(name: str, kubectl: Kubectl) -> None:
    """What cannot be measured so is refused with what is allowed, before anything is tried."""
    metrics, words = BAD_METRICS[name]
    body = {**spec_of_policy("default"), "spec": {"metrics": metrics}}
    done = kubectl("create", "--dry-run=server", "-f", "-", stdin=as_yaml(body), check=False)
    assert done.stdout == ""
    assert words in done.stderr


def spec_of_policy(name: str) -> Json:
    return {"apiVersion": "loadstar.dev/v1alpha1", "kind": "PlacementPolicy", "metadata": {"name": name}}


def test_new_task_reads_pending(kubectl: Kubectl, namespace: str) -> None:
    """A new Task is PENDING in the very answer to its creation, with no write, whatever status it came with."""
    plain, bold = task("plain"), {**task("bold"), "status": {"state": "SUCCESS"}}
    for document in (plain, bold):
        answer = kubectl("create", "-n", namespace, "-f", "-", "-o", "json", stdin=as_yaml(document)).stdout
        status = json.loads(answer)["status"]
        assert (status["state"], status["reason"], status["attempt"], status["parts"]) == (
            "PENDING",
            "Queued",
            0,
            "0/1",
        )


def test_what_was_created_stays(kubectl: Kubectl, namespace: str) -> None:
    """Only description, priority and ttlSecondsAfterFinished may change; no other field be set, changed or removed."""
    never = {"requires": ["nowhere"]}
    old: Json = task("x", placement=never, retry={"limit": 2})["spec"]
    image = {**old["worker"], "image": "busybox:1.36"}
    kind = {name: value for name, value in old.items() if name != "worker"} | {"type": "image"}
    edits = {
        "image": {**old, "worker": image},
        "worker-removed": kind,
        "type-set": {**old, "type": "image"},
        "placement-changed": {**old, "placement": {"requires": ["elsewhere"]}},
        "placement-removed": {name: value for name, value in old.items() if name != "placement"},
        "retry-removed": {name: value for name, value in old.items() if name != "retry"},
        "timeouts-set": {**old, "timeouts": {"runSeconds": 5}},
    }
    allowed = {**old, "description": "new", "priority": 900, "ttlSecondsAfterFinished": 60}
    kubectl("apply", "-n", namespace, "-f", "-", stdin=named(dict.fromkeys([*edits, "allowed"], old)))
    done = kubectl("apply", "-n", namespace, "-f", "-", stdin=named({**edits, "allowed": allowed}), check=False)
    lines = [line for line in done.stderr.splitlines() if "denied request" in line]
    for name, line in zip(edits, lines, strict=True):
        assert f'"{name}"' in line
        assert EDIT in line
    assert done.stdout == "task.loadstar.dev/allowed configured\n"


def named(specs: dict[str, Json]) -> str:
    """Tasks of these specs."""
    return objects("Task", {name: (body, "") for name, body in specs.items()})


def test_states_move_only_by_the_table(kubectl: Kubectl, tasks: Tasks) -> None:
    """Every edge that the table does not have is refused by the API server, even to the administrator."""
    once = {"limit": 0}
    tasks.apply(
        task("pending", placement={"requires": ["nowhere"]}),
        task("assigned", worker={"image": "registry.invalid/none:1"}),
        task("running", "sleep 300", worker={"terminationGracePeriodSeconds": 1}),
        task("success"),
        task("failed", "exit 1", retry=once),
    )
    tasks.wait(lambda found: all(item["status"]["state"] == name.upper() for name, item in found.items()))
    for new in State:
        illegal = [old for old, edges in TRANSITIONS.items() if new is not old and new not in edges]
        names = [f"ldt/{old.lower()}" for old in illegal]
        patch = json.dumps({"status": {"state": new}})
        done = kubectl(
            "patch", *names, "-n", tasks.namespace, "--subresource=status", "--type=merge", "-p", patch, check=False
        )
        assert done.stdout == ""
        lines = [line for line in done.stderr.splitlines() if "is invalid" in line]
        for old, line in zip(illegal, lines, strict=True):
            words = f"must stay {old}: the state is final" if old.terminal else f"after {old}"
            assert f'"{old.lower()}" is invalid' in line
            assert words in line
    removed = json.dumps({"status": None})
    where = ("-n", tasks.namespace, "--type=merge")
    done = kubectl("patch", "ldt", "success", *where, "--subresource=status", "-p", removed, check=False)
    assert "must stay SUCCESS: the state is final" in done.stderr
    done = kubectl("patch", "ldt", "success", *where, "-p", '{"spec": {"priority": 1}}', check=False)
    assert "spec.priority: must stay as it is once the Task is SUCCESS or FAILED" in done.stderr
