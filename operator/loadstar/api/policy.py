"""The PlacementPolicy: how load is measured and used. One object, named default, the admin's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loadstar.api.base import SET, DnsLabel, LabelName, Model, StatusModel, keyed
from loadstar.api.metrics import Metrics
from loadstar.api.status import Condition, Count, Name, Time
from loadstar.api.task import Weights
from loadstar.api.worker import Worker
from loadstar.core.model import NodeClass, Strategy, WhenFull, WhenHot


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
    thresholds: Thresholds = Thresholds()
    """When a node is hot."""
    metrics: Metrics = Metrics()
    """How load is read."""
    types: Annotated[dict[DnsLabel, TypeDefaults], Field(max_length=64)] | None = None
    """By type of Task: default worker, capabilities and weights. The type `default` serves all that are not here."""


class NodeStanding(StatusModel):
    """A node as it stands."""

    name: Name
    """Its name."""
    score: float
    """Its LoadScore; lowest is best."""
    cpu: float
    """Predicted share of CPU."""
    memory: float
    """Predicted share of memory."""
    io: float | None = None
    """Share of I/O time; absent where it is not measured."""
    class_: Annotated[NodeClass, Field(alias="class")]
    """Cold, Hot, Unknown (no fresh sample), Quarantined (Tasks fail there at once, and elsewhere not) or Closed (not
    Ready or cordoned)."""
    sample_age_seconds: Count | None = None
    """Age of the load sample."""
    tasks: Count = 0
    """Pods of Tasks on it."""


class PlacementPolicyStatus(StatusModel):
    """The cluster as the operator sees it; written when it is news, at most every 15 s."""

    observed_generation: Count | None = None
    """The generation of the spec that this is about."""
    updated_time: Time | None = None
    """When this was written."""
    nodes: Annotated[list[NodeStanding], Field(max_length=1000, json_schema_extra=keyed("name"))] | None = None
    """Nodes, best first."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=keyed("type"))] | None = None
    """LoadDataFresh: whether every open node has a fresh sample. MetricsReady: whether every resource that has a source
    is measured; MetricsServerReady, KubeletReady, PrometheusReady: how the last reading of each went."""
