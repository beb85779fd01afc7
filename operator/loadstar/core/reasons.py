"""The closed list of reasons a Task's status may carry, each with the sentence that explains it in the docs.

Every wait, every end and every step has one; a message beside it counts or quotes what is particular.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """CamelCase, as the Kubernetes API conventions ask; stable, since users match on them."""

    QUEUED = "Queued"
    WAITING_FOR_DEPENDENCIES = "WaitingForDependencies"
    DEPENDENCY_MISSING = "DependencyMissing"
    DEPENDENCY_FAILED = "DependencyFailed"
    DEPENDENCY_DELETED = "DependencyDeleted"
    DEPENDENCY_CYCLE = "DependencyCycle"
    BACKING_OFF = "BackingOff"
    WAITING_FOR_CAPACITY = "WaitingForCapacity"
    NODES_OVERLOADED = "NodesOverloaded"
    REQUEST_TOO_LARGE = "RequestTooLarge"
    NO_MATCHING_NODE = "NoMatchingNode"
    NO_READY_NODE = "NoReadyNode"
    NO_WORKER_FOR_TYPE = "NoWorkerForType"
    QUEUE_LIMIT = "QueueLimit"
    QUEUE_SUSPENDED = "QueueSuspended"
    QUEUE_NOT_FOUND = "QueueNotFound"
    TENANT_LIMIT = "TenantLimit"
    POD_CREATE_FORBIDDEN = "PodCreateForbidden"
    PREVIOUS_POD_ENDING = "PreviousPodEnding"
    NODE_CHOSEN = "NodeChosen"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PROBLEM = "ImageProblem"
    MISCONFIGURED = "Misconfigured"
    PARTS_RUNNING = "PartsRunning"
    NODE_LOST = "NodeLost"
    COMPLETED = "Completed"
    WORKER_FAILED = "WorkerFailed"
    OOM_KILLED = "OOMKilled"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    DISRUPTED = "Disrupted"
    PREEMPTED = "Preempted"
    POD_LOST = "PodLost"
    NEVER_BOUND = "NeverBound"
    POD_INVALID = "PodInvalid"
    NODE_REFUSED = "NodeRefused"
    STORAGE_EXCEEDED = "StorageExceeded"
    SUSPENDED = "Suspended"
    CANCELLED = "Cancelled"
    PENDING_DEADLINE_EXCEEDED = "PendingDeadlineExceeded"
    DISRUPTION_LIMIT_EXCEEDED = "DisruptionLimitExceeded"


EXPLANATIONS: Final[dict[Reason, str]] = {
    Reason.QUEUED: "waits for the next placement cycle",
    Reason.WAITING_FOR_DEPENDENCIES: "waits for other Tasks to end (spec.dependencies)",
    Reason.DEPENDENCY_MISSING: "names a dependency that is not there minutes after it was created; runs once it was",
    Reason.DEPENDENCY_FAILED: "a dependency ended otherwise than spec.dependencyRules asks",
    Reason.DEPENDENCY_DELETED: "a dependency was deleted before it ended",
    Reason.DEPENDENCY_CYCLE: "waits for itself by way of its dependencies: it closed the cycle",
    Reason.BACKING_OFF: "waits for the time of its next attempt",
    Reason.WAITING_FOR_CAPACITY: "fits some node, but none has room now",
    Reason.NODES_OVERLOADED: "every node that can take it is hot, and the PlacementPolicy says whenHot: Wait",
    Reason.REQUEST_TOO_LARGE: "asks for more than any node it may use offers in all",
    Reason.NO_MATCHING_NODE: "no node has the labels, capabilities and taints that it asks for or tolerates",
    Reason.NO_READY_NODE: "no node is Ready and open for Pods",
    Reason.NO_WORKER_FOR_TYPE: "names no worker, and its type has none in the PlacementPolicy",
    Reason.QUEUE_LIMIT: "its queue holds as many Tasks, or as much CPU or memory, as it may",
    Reason.QUEUE_SUSPENDED: "its queue is suspended: nothing of it is started until it is not",
    Reason.QUEUE_NOT_FOUND: "names a TaskQueue that its namespace does not have",
    Reason.TENANT_LIMIT: "its tenant holds as many Tasks, or as much CPU or memory, as the PlacementPolicy gives it",
    Reason.POD_CREATE_FORBIDDEN: "the API server refused the Pod: quota, limits, Pod security or a policy",
    Reason.PREVIOUS_POD_ENDING: "the Pod of an earlier attempt is still being ended",
    Reason.NODE_CHOSEN: "a node was chosen; its Pod is being created and started",
    Reason.UNSCHEDULABLE: "kube-scheduler has not bound its Pod to the chosen node yet",
    Reason.IMAGE_PROBLEM: "the image cannot be pulled",
    Reason.MISCONFIGURED: "the kubelet cannot make the container: a missing ConfigMap, Secret, volume or command",
    Reason.PARTS_RUNNING: "runs",
    Reason.NODE_LOST: "the node of its Pod does not answer; the Pod may still run there (retry.onNodeLost)",
    Reason.COMPLETED: "ended with exit code 0",
    Reason.WORKER_FAILED: "the container ended with an exit code other than 0",
    Reason.OOM_KILLED: "the container used more memory than its limit",
    Reason.DEADLINE_EXCEEDED: "ran longer than timeouts.runSeconds",
    Reason.DISRUPTED: "the Pod was evicted, preempted, drained or deleted; this spends no attempt",
    Reason.PREEMPTED: "its attempt was stopped to make room for a Task of higher priority; this spends nothing",
    Reason.POD_LOST: "the Pod is gone and nobody saw how it ended; this spends no attempt",
    Reason.NEVER_BOUND: "the chosen node did not take the Pod in time; another is tried; this spends no attempt",
    Reason.POD_INVALID: "the API server says that such a Pod can never be",
    Reason.NODE_REFUSED: "the kubelet turned the Pod away before it ran; another node is tried; this spends no attempt",
    Reason.STORAGE_EXCEEDED: "the container used more ephemeral storage than its limit",
    Reason.SUSPENDED: "spec.suspend is true: no Pod of it runs until it is false again",
    Reason.CANCELLED: "spec.cancel is true",
    Reason.PENDING_DEADLINE_EXCEEDED: "waited longer than timeouts.pendingSeconds",
    Reason.DISRUPTION_LIMIT_EXCEEDED: "was disrupted more often than retry.disruptionLimit",
}
"""One sentence a reason, without a full stop; the docs' table is made from it."""
