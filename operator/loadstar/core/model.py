"""What decisions look at: Tasks, Pods, Nodes and loads, as frozen values; `policy` has the policy.

Times are seconds since the epoch (UTC); loads are shares of allocatable (1.0 = all of it). How these look on the
wire is `loadstar.api`'s; how they are kept and indexed is `loadstar.runtime.store`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from loadstar.core.dependencies import NO_DEPENDENCIES, Rule
from loadstar.core.quantity import Quantities
from loadstar.core.queues import DEFAULT_PRIORITY, DEFAULT_QUEUE
from loadstar.core.reasons import Reason
from loadstar.core.resources import Requests, Resources
from loadstar.core.rules import EndRule
from loadstar.core.states import State


class Strategy(StrEnum):
    """Who chooses the node."""

    LOAD_AWARE = "LoadAware"
    WEIGHTED_RANDOM = "WeightedRandom"
    ROUND_ROBIN = "RoundRobin"
    POWER_OF_TWO = "PowerOfTwo"
    KUBE_SCHEDULER = "KubeScheduler"


@dataclass(frozen=True, slots=True)
class Weights:
    """What each resource's load counts in the LoadScore; they sum to 1."""

    cpu: float = 0.5
    memory: float = 0.3
    io: float = 0.2


@dataclass(frozen=True, slots=True)
class Toleration:
    """As in a Pod: an empty key with Exists tolerates all, an empty effect every effect."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Taint:
    """As on a Node."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a Task may run and who decides; None = as its type or the policy says.

    `near`, `apart`: names of Tasks of its namespace to be close to or away from. `strict`: its Pod goes to the chosen
    node or to none. `requires_declared`: it gets what it declares, whatever was learned.
    """

    strategy: Strategy | None = None
    requires: tuple[str, ...] = ()
    prefers: tuple[str, ...] = ()
    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    weights: Weights | None = None
    near: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    strict: bool = False
    requests: Requests | None = None
    requires_declared: bool = False


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait after so many failures: initial·factor^(failures-1) seconds, at most `max_seconds`."""

    initial_seconds: float = 2
    factor: float = 2
    max_seconds: float = 300


@dataclass(frozen=True, slots=True)
class Retry:
    """How many failures of its own a Task survives, and how many disruptions, which are counted apart.

    `replace_after`: seconds after which a Pod on a lost node is replaced although it may still run; None = never.
    `avoid_failed_nodes`: nodes on which it failed are tried last. `rules`: the first that holds says what follows.
    """

    limit: int = 3
    backoff: Backoff = Backoff()
    disruption_limit: int = 10
    replace_after: int | None = None
    track_completion: bool = False
    avoid_failed_nodes: bool = True
    rules: tuple[EndRule, ...] = ()


class PodRetention(StrEnum):
    """Which finished Pods stay once their end is in the status."""

    ALL = "All"
    FAILED = "Failed"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class Worker:
    """What runs: the wire form, as JSON, is carried along unread; decisions need its requests alone.

    `guaranteed`: CPU and memory are limited to what is requested (QoS Guaranteed); `limit`: of memory, in bytes.
    """

    document: bytes
    requests: Quantities
    guaranteed: bool = False
    limit: int | None = None
    image: str = ""


class NodeClass(StrEnum):
    """How far a node's load is to be trusted; the order in which nodes are tried."""

    COLD = "Cold"
    HOT = "Hot"
    UNKNOWN = "Unknown"
    QUARANTINED = "Quarantined"
    CLOSED = "Closed"


@dataclass(frozen=True, slots=True)
class NodeScore:
    """One node as a Task's placement saw it, the Task's own share included. `io` None = unknown, never idle."""

    node: str
    total: float
    rank: float
    cpu: float
    memory: float
    io: float | None
    weights: Weights
    sample_age: float | None
    node_class: NodeClass


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went; kept for the last few. `others`: further nodes that did not take its Pod."""

    attempt: int
    node: str
    pod: str
    reason: Reason
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    message: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """As in the Kubernetes API conventions; status is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str
    message: str
    changed: float


@dataclass(frozen=True, slots=True)
class Choice:
    """Why a node was chosen, as it was then: `terms` words what the score is made of, `next` who came after it,
    `rejected` how many nodes were out of the question, by cause.
    """

    node: str
    score: float
    terms: str
    node_class: NodeClass
    sample_age: float | None = None
    next: str = ""
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """The status of a Task. Optional values are None until they are known.

    `waiting`: when it last began to wait, None for its creation. `stopping`: the reason for which the open attempt is
    being ended, written before its Pod is deleted so that a crash cannot lose the verdict. `expected_end`: by how long
    its class takes, of the open attempt. `resolved`: which Tasks its dependencies are, as `dependencies` writes it.
    `result`: what it left for its dependents, None when nothing.
    """

    state: State = State.PENDING
    reason: str = Reason.QUEUED
    message: str = ""
    observed_generation: int = 0
    assigned_to: str = ""
    attempt: int = 0
    pod: str = ""
    parts: str = "0/1"
    assigned: float | None = None
    started: float | None = None
    completed: float | None = None
    exit_code: int | None = None
    failures: int = 0
    disruptions: int = 0
    preemptions: int = 0
    not_before: float | None = None
    waiting: float | None = None
    stopping: str = ""
    choice: Choice | None = None
    resources: Resources | None = None
    expected_end: float | None = None
    resolved: str = ""
    result: str | None = None
    attempts: tuple[Attempt, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work, as its object says. `label`: the class that it says it is of, empty for that of its worker.

    `dependencies`: names of Tasks of its namespace, in order, each with how that Task must end.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created: float
    worker: Worker | None
    type: str = ""
    queue: str = DEFAULT_QUEUE
    priority: int = DEFAULT_PRIORITY
    dependencies: Mapping[str, Rule] = field(default_factory=lambda: NO_DEPENDENCIES)
    placement: Placement = Placement()
    retry: Retry = Retry()
    run_seconds: int | None = None
    pending_seconds: int | None = None
    ttl_seconds: int | None = None
    pod_retention: PodRetention = PodRetention.ALL
    cancel: bool = False
    suspend: bool = False
    preemptible: bool = False
    deleting: bool = False
    label: str = ""
    status: TaskStatus = TaskStatus()

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, name)."""
        return self.namespace, self.name


class Phase(StrEnum):
    """A Pod's phase."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Pod:
    """One attempt at a part, as its Pod object says.

    `disruption` is the reason of a true DisruptionTarget condition; `gone` says that the object was seen to
    disappear, and the rest is what was last seen of it; `confirmed` that this is certain and not only a label that was
    taken off. `expunged`: only a finalizer still holds the object. `disowned`: its Task was read after this was seen,
    and knows of no such attempt.
    `tracked`: that finalizer is ours. `altered`: somebody took off the marks by which it is ours. Attempt and part are
    read from its name, which nobody can change. `named`: the nodes that its affinity names, the chosen one first.
    `result`: the termination message of a container that ended with exit code 0; None when it left none.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    task_uid: str
    attempt: int
    phase: Phase
    created: float
    part: int = 0
    task_name: str = ""
    node: str = ""
    deleting: bool = False
    expunged: bool = False
    tracked: bool = False
    altered: bool = False
    gone: bool = False
    confirmed: bool = False
    disowned: bool = False
    ready: bool = False
    requests: Quantities = field(default_factory=dict)
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    end_reason: str = ""
    end_message: str = ""
    result: str | None = None
    disruption: str = ""
    waiting_reason: str = ""
    waiting_message: str = ""
    unschedulable: str = ""
    named: tuple[str, ...] = ()

    @property
    def ran(self) -> bool:
        """True when its container runs or ran, as far as was seen."""
        return self.phase in {Phase.RUNNING, Phase.SUCCEEDED} or (self.started is not None and self.ended)

    @property
    def ended(self) -> bool:
        """True when its container will never run again."""
        return self.gone or self.expunged or self.phase in {Phase.SUCCEEDED, Phase.FAILED}


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured value: the mean over [timestamp - window, timestamp]; window 0 = an instant."""

    value: float
    timestamp: float
    window: float
    source: str


@dataclass(frozen=True, slots=True)
class Load:
    """A node's measured use. None = not measured, never zero.

    `cpu` in cores; `memory` in bytes, an instant; `io` the share of time, 0..1; `load1` the runnable and
    uninterruptible threads, a one-minute mean; `io_pressure` PSI some, 0..1, which only sets the class.
    """

    cpu: Sample | None
    memory: Sample | None
    io: Sample | None
    load1: Sample | None = None
    io_pressure: Sample | None = None


NOTHING_MEASURED: Final = Load(None, None, None)


@dataclass(frozen=True, slots=True)
class Node:
    """A Node object, reduced to what placing and measuring need.

    `base_weight`: its annotation's, for strategies by weight. `addresses` are its names and IPs, `kubelet` the
    "address:port" of its kubelet, empty when it tells none.
    """

    name: str
    resource_version: str
    ready: bool
    unschedulable: bool
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    allocatable: Quantities
    ready_changed: float | None = None
    base_weight: float | None = None
    addresses: tuple[str, ...] = ()
    kubelet: str = ""

    @property
    def out_of_service(self) -> bool:
        """True when an admin vouches that nothing runs there any more."""
        return any(taint.key == OUT_OF_SERVICE for taint in self.taints)


OUT_OF_SERVICE: Final = "node.kubernetes.io/out-of-service"
