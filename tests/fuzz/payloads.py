"""What others may write: statuses, labels, metrics, nodes, each as hostile as the API server lets through."""

from __future__ import annotations

import json
import random
from typing import Any, Final

Json = dict[str, Any]

QUANTITIES: Final[tuple[Any, ...]] = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e999999", "1e999999999", "9e999999k", "-5Ki", "0", "-0", "",
    " ", "1e", "e1", "0x10", "1_000", "1,5", "١٢", "12Zi", "n", "Ki", "1" * 5000, "9223372036854775807",
    "99999999999999999999Ei", "1e-400", "sNaN", None, True, 0, -1, 10**30, 1.5, 1e308, float("nan"), float("inf"), [],
    {}, {"cpu": "1"}, "250m", "100n", "5Gi",
)  # fmt: skip
TIMES: Final[tuple[Any, ...]] = (
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
    "0000-00-00T00:00:00Z", "now", "", None, 0, [], {}, "2026-02-30T00:00:00Z", "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00.123456789123Z", "2026-01-01", "1970-01-01T00:00:00Z",
)  # fmt: skip
WINDOWS: Final[tuple[Any, ...]] = ("15s", "0s", "-1s", "9" * 400 + "h", "1e9s", "", None, 5, [], "NaN", "1h1m1s1ms")
ANSWERS: Final = (
    "", "null", "[]", "[1]", "[[]]", "{}", "1", '"x"', '{"items": null}', '{"items": {}}', "{", "NaN",
    '{"items": [null, 1, "x", [], {}]}', '{"items": [{"metadata": null}]}', "[" * 100_000,
)  # fmt: skip

LABELS: Final = (
    "99", "0", "-1", "1.5", "abc", "", "999999999", "2147483647", "1" * 63, "0001", "1_0", "00", "2", "007", "1e3",
)  # fmt: skip
STOPPING: Final = ("Cancelled", "Suspended", "NodeLost", "PendingDeadlineExceeded")
POD_ATTACKS: Final = (
    "attempt label", "attempt label removed", "part label", "task-uid label removed", "task-uid label other",
    "task label other", "managed-by removed", "owner stripped", "owner other Task", "owner two", "annotations odd",
    "finalizer", "tracking finalizer removed",
    "foreign same namespace", "foreign other namespace", "foreign newer attempt", "foreign owner only",
    "foreign labels only", "foreign holds the next name",
)  # fmt: skip


def giant_status(dice: random.Random) -> Json:
    """As large and as odd as the schema allows."""
    when = dice.choice(
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z", "2038-01-19T03:14:08Z")
    )
    attempt = dice.choice((0, 1, 99, 99, 999_999_998, 999_999_999, 2**31 - 1))
    text = dice.choice(("x", "é", "🚀"))
    status: Json = {
        "message": text * 1024,
        "reason": dice.choice(("Queued", "BackingOff", "Disrupted", "A" * 128, "Nonsense", "")),
        "attempt": attempt,
        "pod": dice.choice(("", "a", "x" * 253, "../../../etc", "a b", "é")),
        "assignedTo": dice.choice(("", "kwok-0", "nowhere", "x" * 253, "../x", "a b")),
        "parts": dice.choice(("0/1", "", "x" * 32, "9/0")),
        "failures": dice.choice((0, 1, 2**31 - 1)),
        "disruptions": dice.choice((0, 9, 2**31 - 1)),
        "notBefore": dice.choice((when, None)),
        "assignedTime": dice.choice((when, None)),
        "startTime": dice.choice((when, None)),
        "completionTime": dice.choice((when, None)),
        "exitCode": dice.choice((0, -(2**31), 2**31 - 1)),
        "stopping": dice.choice((None, None, *STOPPING, *STOPPING, "Nonsense")),
        "waitingTime": dice.choice((when, None)),
        "attempts": [
            {
                "attempt": dice.choice((n, attempt)),
                "reason": dice.choice(("Disrupted", "NeverBound", "PodCreateForbidden", "WorkerFailed", "")),
                "message": text * 1024,
                "node": "x" * 253,
                "pod": "y" * 253,
                "startTime": when,
                "finishTime": when,
                "exitCode": 137,
            }
            for n in range(5)
        ],
        "conditions": [
            {
                "type": ("Succeeded", "Scheduled", "PodsReady")[n] if n < 3 else f"C{n}",
                "status": "Unknown",
                "reason": "R",
                "message": text * 1024,
                "lastTransitionTime": when,
            }
            for n in range(16)
        ],
    }
    state = dice.choice((None, None, "PENDING", "ASSIGNED", "RUNNING", "FAILED", "SUCCESS"))
    if state:
        status["state"] = state
    for name in dice.sample(list(status), dice.randint(0, 8)):
        del status[name]
    return {name: value for name, value in status.items() if value is not None}


def metadata(dice: random.Random) -> tuple[str, Json]:
    """An odd name, or odd labels and annotations."""
    names = (
        "a" * 63,
        "a" * 31,
        "a" * 38,
        "0",
        "a-" * 30 + "a",
        "a--b",
        "a" * 64,
        "with.dots",
        "Upper",
        "",
        "a b",
        "é",
        "-a",
    )
    choices: tuple[tuple[str, Json], ...] = (
        ("name", {"name": dice.choice(names)}),
        ("labels", {"labels": {"loadstar.dev/task": "x", "loadstar.dev/attempt": "99", "a": "b" * 63}}),
        (
            "annotations",
            {"annotations": {"kopf.zalando.org/last-handled-configuration": "{", "noslash": "", "x/y": "z" * 60000}},
        ),
        ("finalizers", {"finalizers": ["loadstar.dev/fuzz"]}),
        ("owner", {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "none"}]}),
    )
    what, meta = dice.choice(choices)
    return f"metadata.{what}", meta


def metrics(dice: random.Random) -> tuple[str, str]:
    """The text that metrics.k8s.io answers with, one odd sample for each of some nodes."""
    choice = dice.random()
    if choice < 0.15:
        text = dice.choice(ANSWERS)
        return f"whole answer {text[:20]}", text
    items = []
    for number in range(8):
        item: Json = {
            "metadata": {"name": f"kwok-{number}"},
            "timestamp": dice.choice(TIMES) if dice.random() < 0.3 else "2026-11-24T12:00:00Z",
            "window": dice.choice(WINDOWS) if dice.random() < 0.4 else "15s",
            "usage": {"cpu": dice.choice(QUANTITIES), "memory": dice.choice(QUANTITIES)},
        }
        if dice.random() < 0.1:
            del item[dice.choice(list(item))]
        if dice.random() < 0.1:
            item[dice.choice(list(item))] = dice.choice((None, 1, "x", [], {}))
        items.append(item)
    return "odd samples", json.dumps(
        {"kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "items": items}
    )


def node(dice: random.Random) -> tuple[str, Json]:
    """A Node with odd capacity, taints, labels."""
    usual = ("0", "1e3", "1e18", "9223372036854775807", "1m", "1Ei", "5e-1", "99999999999999999999Ei", "1n", "110")
    quantity = (*usual, *usual, "-1", "NaN")
    amounts = {name: dice.choice(quantity) for name in ("cpu", "memory", "pods", "ephemeral-storage", "x.example/gpu")}
    for name in dice.sample(list(amounts), dice.randint(0, 3)):
        del amounts[name]
    labels = {"type": "kwok", "fuzz": "odd", "capability.loadstar.dev/ssd": dice.choice(("", "x", "false"))}
    if dice.random() < 0.2:
        labels["kubernetes.io/hostname"] = "kwok-0"
    effect = ("NoSchedule", "PreferNoSchedule", "NoExecute")
    taints = [
        {
            "key": dice.choice(("k", "node.kubernetes.io/out-of-service", "a/b", "loadstar.dev/x")),
            "effect": dice.choice(effect),
        }
        for _ in range(dice.randint(0, 2))
    ]
    status: Json = {"capacity": amounts, "allocatable": dict(amounts)}
    if dice.random() < 0.3:
        del status[dice.choice(("capacity", "allocatable"))]
    if dice.random() < 0.5:
        kinds = [{"type": "Ready", "status": dice.choice(("True", "False", "Unknown"))}, {"type": "", "status": "True"}]
        status["conditions"] = kinds
    spec: Json = {"taints": taints} if taints else {}
    if dice.random() < 0.2:
        spec["unschedulable"] = True
    return "odd capacity", {"metadata": {"labels": labels}, "spec": spec, "status": status}
