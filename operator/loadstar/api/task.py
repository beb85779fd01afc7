"""The spec of a Task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from loadstar.api.base import (
    ATOMIC,
    SET,
    UNSAID,
    DnsLabel,
    LabelKey,
    LabelName,
    LabelValue,
    Model,
    rule,
    rules,
)
from loadstar.api.retry import Retry
from loadstar.api.worker import Worker
from loadstar.core.dependencies import Rule
from loadstar.core.model import PodRetention, Strategy
from loadstar.core.queues import DEFAULT_PRIORITY, DEFAULT_QUEUE, MOST_PRIORITY
from loadstar.core.resources import Requests

TaskName = Annotated[str, Field(min_length=1, max_length=63)]
"""That it is a DNS label is a rule of `edits`: the CRD's would run on each write of a status."""
Share = Annotated[float, Field(ge=0, le=1)]

MUTABLE = ("description", "queue", "priority", "cancel", "suspend", "preemptible", "ttlSecondsAfterFinished")
"""What may be changed after a Task was created."""


class Weights(Model):
    """What each resource's load counts in the LoadScore."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.cpu + self.memory + self.io > 0.999 && self.cpu + self.memory + self.io < 1.001",
                "must be three numbers from 0 to 1 that sum to 1",
            )
        )
    )

    cpu: Share
    """Weight of CPU."""
    memory: Share
    """Weight of memory."""
    io: Share
    """Weight of I/O; where I/O is not measured, the others share it."""


class Toleration(Model):
    """A taint that the Task's Pods tolerate, as in a Pod."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("self.operator != 'Exists' || !has(self.value)", "must have no value when operator is Exists"),
            rule("has(self.key) || self.operator == 'Exists'", "must have operator Exists when it has no key"),
        )
    )

    key: LabelKey | None = None
    """Key of the taint; absent with operator Exists: every taint."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """Equal compares the value, Exists does not."""
    value: LabelValue | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; absent: every effect."""


class Affinity(Model):
    """Tasks of the same namespace to be close to or away from."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.near) || !has(self.apart) || self.near.all(name, !(name in self.apart))",
                "must not name a Task in both near and apart",
            )
        )
    )

    near: Annotated[list[DnsLabel], Field(max_length=16, json_schema_extra=SET)] | None = None
    """Nodes on which these Tasks run, or ran last, are better: by a fifth of a node's load."""
    apart: Annotated[list[DnsLabel], Field(max_length=16, json_schema_extra=SET)] | None = None
    """Nodes on which these Tasks are now are taken only when there is no other."""


class Placement(Model):
    """Where the Task may run, and who chooses."""

    strategy: Strategy | None = None
    """LoadAware: the node with the lowest predicted load. WeightedRandom: by chance, in proportion to base weight and
    idle CPU. RoundRobin: in turn, by base weight. PowerOfTwo: the less loaded of two by chance. KubeScheduler: left to
    kube-scheduler. Absent: as the PlacementPolicy says. A node's base weight is its annotation
    loadstar.dev/base-weight, else its cores."""
    requires: Annotated[list[LabelName], Field(max_length=16, json_schema_extra=SET)] | None = None
    """Capabilities: for each, the node must have the label capability.loadstar.dev/NAME."""
    prefers: Annotated[list[LabelName], Field(max_length=16, json_schema_extra=SET)] | None = None
    """Capabilities that make a node better but are not required."""
    node_selector: Annotated[dict[LabelKey, LabelValue], Field(max_length=32)] | None = None
    """Labels that the node must have, with their values."""
    tolerations: Annotated[list[Toleration], Field(max_length=16, json_schema_extra=ATOMIC)] | None = None
    """Taints that are tolerated."""
    weights: Weights | None = None
    """Weights for this Task instead of its type's or the PlacementPolicy's."""
    affinity: Affinity | None = None
    """Tasks to be close to or away from."""
    strict: Annotated[bool, Field(json_schema_extra=UNSAID)] = False
    """true: its Pod names the chosen node alone. Otherwise up to two more that are as good, of which kube-scheduler may
    take one where the first does not do, as for the zone of a volume."""
    requests: Requests | None = None
    """Declared: its Pods ask for what worker.resources says. Learned: for what Tasks of its class were seen to use,
    never for more than that. Absent: as its TaskQueue says, else the PlacementPolicy, neither of which touches requests
    equal to limits."""
    requires_declared: Annotated[bool, Field(json_schema_extra=UNSAID)] = False
    """true: its Pods ask for what worker.resources says, whatever else is said."""


class Timeouts(Model):
    """How long things may take."""

    pending_seconds: Annotated[int, Field(ge=1, le=31536000)] | None = None
    """How long it may wait for a running container, since its creation or since it last began to wait (a retry, a
    resume); then the Task is FAILED with reason PendingDeadlineExceeded."""
    run_seconds: Annotated[int, Field(ge=1, le=31536000)] | None = None
    """How long an attempt may run; then the Task is FAILED with reason DeadlineExceeded."""


class TaskSpec(Model):
    """What to run, where it may run, and how often it is tried."""

    description: Annotated[str, Field(max_length=1024)] | None = None
    """What this Task is for, for people."""
    type: DnsLabel | None = None
    """A type of the PlacementPolicy, which may bring a worker and capabilities."""
    queue: Annotated[DnsLabel, Field(json_schema_extra=UNSAID)] = DEFAULT_QUEUE
    """The TaskQueue of its namespace that it waits in; `default`, which needs no object, unless said otherwise. While
    there is none of that name it waits. May be changed while the Task is PENDING."""
    priority: Annotated[int, Field(ge=0, le=MOST_PRIORITY)] = DEFAULT_PRIORITY
    """Higher is placed first; may be changed until the Task is terminal."""
    dependencies: Annotated[list[TaskName], Field(max_length=1000, json_schema_extra=SET)] | None = None
    """Names of Tasks of the same namespace that must have ended before this one runs, in SUCCESS unless dependencyRules
    says otherwise. One that is not there yet is waited for. Their status.result reaches this Task's environment."""
    dependency_rules: Annotated[dict[str, Rule], Field(max_length=1000)] | None = None
    """How a dependency must end, by its name: Success (unless said otherwise), Finished: either way, Failure. When one
    ends otherwise, this Task is FAILED with reason DependencyFailed."""
    worker: Worker | None = None
    """The container to run; the type's worker when absent."""
    placement: Placement | None = None
    """Where it may run."""
    retry: Retry | None = None
    """What happens after a failure."""
    timeouts: Timeouts | None = None
    """How long it may take."""
    cancel: Annotated[bool, Field(json_schema_extra=UNSAID)] = False
    """true ends the Task: its Pod is ended, and it is FAILED with reason Cancelled; its record stays."""
    suspend: Annotated[bool, Field(json_schema_extra=UNSAID)] = False
    """true ends a running Pod, free of charge, and lets the Task wait until it is false again."""
    preemptible: Annotated[bool, Field(json_schema_extra=UNSAID)] = False
    """true: its attempt may be stopped, free of charge and 3 times at most, to make room for a Task of higher priority
    whose TaskQueue says preemption: LowerPriority; it then waits for a node again. May be changed at any time."""
    pod_retention: Annotated[PodRetention, Field(json_schema_extra=UNSAID)] = PodRetention.ALL
    """Which finished Pods stay once their end is in the status: All, unless said otherwise, only the Failed, or None;
    never more than the last five. With the Task they all go."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=315360000)] | None = None
    """So many seconds after its end the Task is deleted with its Pods; never, when absent."""


def spec_rules() -> list[dict[str, str]]:
    """The rules on spec as a whole; how it may change is `edits`."""
    return [
        rule("has(self.worker) || has(self.type)", "must have worker, or a type whose worker the PlacementPolicy has")
    ]
