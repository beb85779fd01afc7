"""What a Task of a trace is to each way of running it: a Task of ours, or a Job of batch/v1 with the same Pod."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.throughput.rivals import IMAGE, JOBS, NAMESPACE, RETRIES, TASKS, Job, Loadstar
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.simulate import job

Json = dict[str, Any]

ENDLESS = ("simulate", "86400")
"""The command of a container that does not end by itself on a simulated node: somebody else ends it."""


class Units(Protocol):
    """One way."""

    @property
    def collection(self) -> str:
        """The path of what is created."""

    def document(self, item: job.Job, command: Sequence[str]) -> Json:
        """What is created; its name is the `uid` of what it stands for."""

    def ended(self, raw: Json) -> bool | None:
        """True when it succeeded, False when it failed, None while it goes on."""


@dataclass(frozen=True, slots=True)
class Tasks:
    """Tasks with a strategy, whose Pods ask for what is `Declared` or `Learned`."""

    strategy: str
    requests: str = "Declared"
    collection: str = TASKS

    def document(self, item: job.Job, command: Sequence[str]) -> Json:
        """A Task."""
        return {
            "apiVersion": "loadstar.dev/v1alpha1",
            "kind": "Task",
            "metadata": {"name": item.uid, "namespace": NAMESPACE},
            "spec": {
                "worker": {
                    "image": IMAGE,
                    "command": list(command),
                    # A class of the trace is one class of Tasks: its own worker template.
                    "args": [item.kind],
                    "resources": {"requests": written(item.declared)},
                },
                "placement": {"strategy": self.strategy, "requests": self.requests},
                "retry": {"limit": RETRIES},
            },
        }

    def ended(self, raw: Json) -> bool | None:
        """Its state is terminal."""
        return Loadstar(0).ended(raw)


@dataclass(slots=True)
class Jobs:
    """Jobs, whose Pods are those of Tasks in all but name, labels and node; kube-scheduler chooses."""

    collection: str = JOBS
    pod: Json = field(default_factory=dict)

    def learn(self, pod: Json) -> None:
        """Take over the Pod of a Task, as the API server has it."""
        model = Job(0)
        model.learn(pod)
        self.pod = model.pod

    def document(self, item: job.Job, command: Sequence[str]) -> Json:
        """A Job."""
        first, *rest = self.pod["containers"]
        container = {
            **first,
            "command": list(command),
            "args": [item.kind],
            "resources": {"requests": written(item.declared)},
        }
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": item.uid, "namespace": NAMESPACE},
            "spec": {"backoffLimit": RETRIES, "template": {"spec": {**self.pod, "containers": [container, *rest]}}},
        }

    def ended(self, raw: Json) -> bool | None:
        """It is Complete or Failed."""
        return Job(0).ended(raw)


def written(requests: Quantities) -> dict[str, str]:
    """As a container has them."""
    said = {CPU: f"{requests[CPU]}m"} if CPU in requests else {}
    return said | ({MEMORY: str(requests[MEMORY])} if MEMORY in requests else {})
