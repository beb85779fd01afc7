"""The two rivals: what a unit of work is to each, when it has ended, and which calls are its controller's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.throughput.calls import Call, Calls

Json = dict[str, Any]

NAMESPACE = "bench"
TASKS = f"/apis/loadstar.dev/v1alpha1/namespaces/{NAMESPACE}/tasks"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
IMAGE = "busybox:1.35"
RETRIES = 3
REQUESTS = {"cpu": "10m", "memory": "8Mi"}
POD_FIELDS = (
    "restartPolicy",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "serviceAccountName",
    "securityContext",
    "containers",
    "volumes",
    "tolerations",
    "terminationGracePeriodSeconds",
)
"""What a Job's Pod takes over from a Task's: all but the node."""


class Rival(Protocol):
    """One way to run units of work."""

    name: str
    collection: str

    def document(self, name: str) -> Json:
        """A unit of work."""

    def ended(self, raw: Json) -> bool | None:
        """True when it succeeded, False when it failed, None while it goes on."""

    def own(self, calls: Calls) -> dict[str, int]:
        """The mutating calls of the controller itself, by kind."""


@dataclass
class Loadstar:
    """One-part Tasks of the operator."""

    seconds: int
    name: str = "loadstar"
    collection: str = TASKS

    def document(self, name: str) -> Json:
        """A Task."""
        return {
            "apiVersion": "loadstar.dev/v1alpha1",
            "kind": "Task",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "worker": {"image": IMAGE, "command": command(self.seconds), "resources": {"requests": REQUESTS}},
                "retry": {"limit": RETRIES},
            },
        }

    def ended(self, raw: Json) -> bool | None:
        """Its state is terminal."""
        state = (raw.get("status") or {}).get("state")
        return {"SUCCESS": True, "FAILED": False}.get(state or "")

    def own(self, calls: Calls) -> dict[str, int]:
        """Status writes and Pods. Its Events are those of events.k8s.io that are not kube-scheduler's one a binding."""
        events = calls[Call("POST", "events.k8s.io", "events")] - calls[Call("POST", "", "pods", "binding")]
        return {
            "tasks/status": calls.of("loadstar.dev", "tasks", "status"),
            "pods": calls.of("", "pods"),
            "events": max(0, events),
        }


@dataclass
class Job:
    """Jobs of batch/v1, whose Pods are those of a Task in all but name, labels and node."""

    seconds: int
    name: str = "job"
    collection: str = JOBS
    pod: Json = field(default_factory=dict)

    def learn(self, pod: Json) -> None:
        """Take over the Pod of a Task, as the API server has it."""
        self.pod = {name: pod["spec"][name] for name in POD_FIELDS if name in pod["spec"]}

    def document(self, name: str) -> Json:
        """A Job."""
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"backoffLimit": RETRIES, "template": {"spec": self.pod}},
        }

    def ended(self, raw: Json) -> bool | None:
        """It is Complete or Failed."""
        for condition in (raw.get("status") or {}).get("conditions") or ():
            if condition["status"] == "True" and condition["type"] in {"Complete", "Failed"}:
                return bool(condition["type"] == "Complete")
        return None

    def own(self, calls: Calls) -> dict[str, int]:
        """Status writes, Pods (also the PATCH that takes the finalizer off) and its Events, those of the core group."""
        return {
            "jobs/status": calls.of("batch", "jobs", "status"),
            "pods": calls.of("", "pods"),
            "events": calls.of("", "events"),
        }


def command(seconds: int) -> list[str]:
    """What a simulated node takes for a container that succeeds after so many seconds."""
    return ["simulate", str(seconds)]
