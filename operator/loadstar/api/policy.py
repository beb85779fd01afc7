"""The PlacementPolicy: how load is measured and used. One object, named default, the admin's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loadstar.api.base import SET, UNSAID, DnsLabel, LabelName, Model, StatusModel, keyed
from loadstar.api.metrics import Metrics
from loadstar.api.status import Condition, Count, Name, Text, Time
from loadstar.api.task import Weights
from loadstar.api.tenants import TenantSpec
from loadstar.api.worker import Worker
from loadstar.core.model import NodeClass, Strategy
from loadstar.core.policy import PreemptionScope, WhenFull, WhenHot
from loadstar.core.resources import Requests
from loadstar.core.standing import SHOWN


class Thresholds(Model):
    """From which load on a node counts as hot."""

    hot: Annotated[float, Field(gt=0, le=10)] = 0.85
    """A node with any resource predicted above this share is tried only after every cooler one."""


class TypeDefaults(Model):
    """What Tasks of a type run and where."""

    worker: Worker | None = None
    """The container of Tasks of this type that name none. Secrets in it are readable to whoever may create Tasks."""
    requires: Annotated[list[LabelName], Field(max_length=16, json_schema_extra=SET)] | None = None
    """Capabilities that the node must have, beside the Task's own."""
    prefers: Annotated[list[LabelName], Field(max_length=16, json_schema_extra=SET)] | None = None
    """Capabilities that make a node better."""
    weights: Weights | None = None
    """What each resource's load counts for Tasks of this type that do not say."""
    requires_declared: Annotated[bool, Field(json_schema_extra=UNSAID)] = False
    """true: Pods of Tasks of this type ask for what is declared, whatever else is said."""


class PlacementPolicySpec(Model):
    """Edits act at once, on the next decision."""

    weights: Weights = Weights(cpu=0.5, memory=0.3, io=0.2)
    """What each resource's load counts."""
    strategy: Strategy = Strategy.LOAD_AWARE
    """Who chooses the node of a Task that does not say: LoadAware, WeightedRandom, RoundRobin, PowerOfTwo or
    KubeScheduler."""
    when_hot: WhenHot = WhenHot.PLACE
    """Place: hot nodes are taken last. Wait: a Task of strategy LoadAware waits until a node is not hot."""
    when_full: WhenFull = WhenFull.CREATE_PODS
    """CreatePods: where no node has had room for 30 s, up to ten Pods exist all the same, unpinned, so that a cluster
    autoscaler sees demand. Hold: Tasks wait without Pods."""
    requests: Requests = Requests.DECLARED
    """What Pods of Tasks that do not say ask for. Declared: what worker.resources says. Learned: what Tasks of their
    class were seen to use, never more than that; requests equal to limits are left as they are."""
    thresholds: Thresholds = Thresholds()
    """When a node is hot."""
    metrics: Metrics = Metrics()
    """How load is read."""
    types: Annotated[dict[DnsLabel, TypeDefaults], Field(max_length=64)] | None = None
    """By type of Task: default worker, capabilities and weights. The type `default` serves all that are not here."""
    tenants: Annotated[list[TenantSpec], Field(max_length=64, json_schema_extra=keyed("name"))] | None = None
    """Who shares the cluster: each tenant's namespaces, its weight, its limits and its highest priority. A namespace is
    of the first tenant that takes it."""
    preemption: PreemptionScope = PreemptionScope.NAMESPACE
    """Whose Tasks may be stopped for one of higher priority, if they say preemptible and its TaskQueue says
    preemption: LowerPriority. Namespace: those of its own namespace. Cluster: those of all."""


class Term(StatusModel):
    """A resource of a node, as shares of allocatable."""

    predicted: float
    """What counts: measured, reserved and a margin for how the node's load moves about."""
    measured: float
    """The last sample, or what stands in for it where there is none."""
    reserved: float
    """What Loadstar's own Pods add that the sample has not seen; negative for what has ended since."""


class NodeStanding(StatusModel):
    """A node as it stands, with nothing added."""

    name: Name
    """Its name."""
    class_: Annotated[NodeClass, Field(alias="class")]
    """Cold, Hot, Unknown (no fresh sample), Quarantined (Tasks fail there at once, and elsewhere not) or Closed (not
    Ready or cordoned)."""
    score: float
    """Its LoadScore; lowest is best."""
    cpu: Term
    """Its CPU."""
    memory: Term
    """Its memory."""
    io: Term | None = None
    """The share of time in which it is busy with I/O; absent where that is not measured."""
    sample_age_seconds: Count | None = None
    """Age of the older of the CPU and the memory sample."""
    tasks: Count = 0
    """Pods of Tasks on it."""
    because: Text | None = None
    """Why it is of its class; absent for Cold."""


class Totals(StatusModel):
    """All nodes."""

    nodes: Count
    """How many there are."""
    fresh: Count
    """Open nodes with fresh samples of CPU and memory."""
    unknown: Count
    """Nodes of class Unknown."""
    hot: Count
    """Nodes of class Hot."""
    quarantined: Count
    """Nodes of class Quarantined."""
    closed: Count
    """Nodes of class Closed."""
    tasks: Count
    """Pods of Tasks on them."""
    deviation: float
    """Standard deviation of 0.6·cpu + 0.4·memory, predicted, over open nodes: 0 when all are loaded alike."""
    reserved_cpu: Name
    """What Pods of Tasks add to the CPU samples of all nodes, such as 1500m; negative for what has ended since."""
    reserved_memory: Name
    """What Pods of Tasks add to the memory samples of all nodes, such as 2Gi; negative for what has ended since."""


Standings = Annotated[list[NodeStanding], Field(max_length=SHOWN, json_schema_extra=keyed("name"))]


class KeptNode(StatusModel):
    """A node on which nobody is placed until one Task fits that has waited long for room."""

    node: Name
    """Its name."""
    task: Text
    """Namespace and name of the Task, such as media/encode-7."""
    cpu: Name | None = None
    """CPU that the Task requests."""
    memory: Name | None = None
    """Memory that the Task requests."""


class PlacementPolicyStatus(StatusModel):
    """The cluster as the operator sees it; written when it is news, at most every 15 s."""

    observed_generation: Count | None = None
    """The generation of the spec that this is about."""
    updated_time: Time | None = None
    """When this was written."""
    totals: Totals | None = None
    """All nodes in sum."""
    best: Standings | None = None
    """The 20 best nodes, best first. `loadstar top` shows all."""
    worst: Standings | None = None
    """Of the others the 20 worst, worst first; where there are fewer, also nodes that are closed."""
    kept: Annotated[list[KeptNode], Field(max_length=SHOWN, json_schema_extra=keyed("node"))] | None = None
    """Nodes that are kept for Tasks which have waited long for room, those first that were kept first."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=keyed("type"))] | None = None
    """LoadDataFresh: whether every open node has a fresh sample. MetricsReady: whether every resource that has a source
    is measured; MetricsServerReady, KubeletReady, PrometheusReady: how the last reading of each went. RequestsFit:
    False with requests Declared while Tasks declare much more than their classes use."""
