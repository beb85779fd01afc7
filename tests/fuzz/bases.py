"""Valid objects that the fuzz starts from, and the edits of them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any, Final

from loadstar.api.task import MUTABLE
from tests.fuzz.mutations import mutate
from tests.fuzz.schema import task_spec

Json = dict[str, Any]

NOWHERE: Final = {"nodeSelector": {"fuzz-room": "never"}}
SIMULATED: Final = {"nodeSelector": {"type": "kwok"}}


def worker(*command: str) -> Json:
    """A worker that simulated nodes run: `simulate SECONDS CODE` says how long and how it ends."""
    return {
        "image": "busybox:1.35",
        "command": list(command or ("simulate", "1")),
        "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}},
    }


def small() -> Json:
    """The least that runs."""
    return {"worker": worker(), "placement": copy.deepcopy(SIMULATED)}


def rich() -> Json:
    """Nearly every field once."""
    return {
        "description": "fuzz",
        "priority": 400,
        "worker": {
            **worker(),
            "args": ["a"],
            "workingDir": "/tmp",
            "imagePullPolicy": "IfNotPresent",
            "env": [
                {"name": "A", "value": "b"},
                {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"cpu": 1, "memory": "64Mi"}},
            "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Mi"}}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsUser": 1000, "readOnlyRootFilesystem": True},
        },
        "placement": {
            "strategy": "LoadAware",
            "prefers": ["ssd"],
            "nodeSelector": {"type": "kwok"},
            "tolerations": [{"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}],
            "weights": {"cpu": 0.5, "memory": 0.3, "io": 0.2},
        },
        "retry": {"limit": 1, "backoff": {"initialSeconds": 1, "factor": 2, "maxSeconds": 10}},
        "timeouts": {"runSeconds": 60},
        "ttlSecondsAfterFinished": 3600,
    }


def failing() -> Json:
    """Fails, and is tried once more."""
    return {
        "worker": worker("simulate", "1", "3"),
        "placement": copy.deepcopy(SIMULATED),
        "retry": {"limit": 1, "backoff": {"initialSeconds": 1, "maxSeconds": 1}},
    }


def typed() -> Json:
    """Has its worker from the policy."""
    return {"type": "fuzz", "placement": copy.deepcopy(SIMULATED)}


def held() -> Json:
    """Waits: no node has the label."""
    return {"worker": worker(), "placement": copy.deepcopy(NOWHERE)}


def dependent() -> Json:
    """Waits for Tasks that are not there, by different rules."""
    return {
        "worker": worker(),
        "dependencies": ["none", "no-more"],
        "dependencyRules": {"none": "Finished"},
        "placement": copy.deepcopy(SIMULATED),
    }


def long(seconds: int = 4) -> Json:
    """Runs for some seconds."""
    return {"worker": worker("simulate", str(seconds)), "placement": copy.deepcopy(SIMULATED)}


def tracked() -> Json:
    """Holds its Pods until their end is on record, and keeps none."""
    return {
        "worker": worker("simulate", "1"),
        "placement": copy.deepcopy(SIMULATED),
        "retry": {"trackCompletion": True, "disruptionLimit": 1, "onNodeLost": {"replaceAfterSeconds": 30}},
        "timeouts": {"pendingSeconds": 600},
        "podRetention": "None",
    }


SPECS: Final[tuple[Callable[[], Json], ...]] = (small, rich, rich, failing, typed, held, tracked, dependent)


def policy() -> Json:
    """The policy of a run: quick reads of the load, and a type for `typed`."""
    return {
        "weights": {"cpu": 0.5, "memory": 0.3, "io": 0.2},
        "thresholds": {"hot": 0.85},
        "metrics": {"periodSeconds": 1, "staleSeconds": 180},
        "types": {"fuzz": {"worker": worker()}},
        "tenants": [{"name": "fuzz", "namespaceSelector": {"matchLabels": {"fuzz": "nobody"}}}],
    }


def queue() -> Json:
    """A queue with all that a queue may say, and room for a Task."""
    return {
        "ordering": "FIFO",
        "weight": 10,
        "limits": {"running": 5, "cpu": "2", "memory": "4Gi"},
        "agingSeconds": 5,
        "requests": "Learned",
        "preemption": "Never",
    }


def edit(dice: random.Random) -> tuple[str, Json]:
    """An edit of a Task that was accepted: allowed ones, which are taken back again, and such as must be refused."""
    schema = task_spec()
    base = dice.choice((held, long))
    before = base()
    choice = dice.random()
    if choice < 0.35:
        name = dice.choice([name for name in MUTABLE if name not in {"cancel", "suspend"}])
        values: dict[str, list[Any]] = {
            "queue": ["default"],
            "description": ["", "é" * 512, "x"],
            "priority": [0, 1000, dice.randint(0, 1000)],
            "ttlSecondsAfterFinished": [3600, 315360000],
        }
        after = {**before, name: dice.choice(values.get(name, [None]))}
        return f"allowed: {name}", {"before": before, "after": after, "allowed": True}
    if choice < 0.5 and "suspend" in schema["properties"]:
        return "suspend and resume", {"before": before, "after": {**before, "suspend": True}, "suspend": True}
    if choice < 0.58 and "cancel" in schema["properties"]:
        return "cancel and take back", {"before": before, "after": {**before, "cancel": True}, "cancel": True}
    made = mutate(before, schema, dice)
    return f"edit, {made.what}", {"before": before, "after": made.document, "allowed": None}
