"""The status of a Task, as the operator writes it and everybody reads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loadstar.api.base import ATOMIC, StatusModel, keyed
from loadstar.core.model import NodeClass
from loadstar.core.reasons import Reason
from loadstar.core.states import State

Time = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
Name = Annotated[str, Field(max_length=253)]
Text = Annotated[str, Field(max_length=1024)]
Count = Annotated[int, Field(ge=0, le=2147483647)]
Number = Annotated[int, Field(ge=0, le=999999999)]
"""Of an attempt: it is part of the Pod's name."""
ExitCode = Annotated[int, Field(ge=-2147483648, le=2147483647)]
Quantity = Annotated[str, Field(max_length=32)]
ReasonText = Annotated[str, Field(max_length=128, pattern=r"^([A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?)?$")]


class Condition(StatusModel):
    """One condition, as in the Kubernetes API conventions."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """What it is about."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: ReasonText
    """Why, in one CamelCase word."""
    message: Text | None = None
    """Why, in a sentence, where the reason and the status beside it do not say it all."""
    last_transition_time: Time
    """When status last changed."""


class Choice(StatusModel):
    """Why this node, as it was when it was chosen: the lowest predicted load with the Task on it."""

    node: Name
    """The node that was chosen; assignedTo is the one that the Pod was bound to."""
    score: float
    """The LoadScore: the weighted sum of the predicted shares of allocatable. Lowest wins."""
    terms: Text
    """What the score is made of: weight and predicted share of each resource; and what nodes were ordered by, the rank:
    the score plus half of the largest term, less preferred capabilities."""
    class_: Annotated[NodeClass, Field(alias="class")]
    """Cold, Hot, or Unknown when there was no fresh sample and requests stood in."""
    sample_age_seconds: Count | None = None
    """Age of the load sample; absent when there was none."""
    next: Text | None = None
    """The three next best nodes with their scores."""
    rejected: Text | None = None
    """Nodes that could not take it, by cause, such as "2 cordoned, 1 not Ready"; absent when all could. Among more than
    100 nodes those without room are not counted."""


class Amounts(StatusModel):
    """CPU and memory."""

    cpu: Quantity | None = None
    """CPU, such as 250m."""
    memory: Quantity | None = None
    """Memory, such as 64Mi."""


class TaskResources(StatusModel):
    """What the latest attempt asked for and used. Absent where it asked for what is declared and was not measured."""

    declared: Amounts | None = None
    """What worker.resources says, its memory memoryFactor times."""
    requested: Amounts | None = None
    """What its Pod asked for."""
    used: Amounts | None = None
    """What it was seen to use: CPU in the mean, memory at the most."""
    percentile: Annotated[int, Field(ge=0, le=100)] | None = None
    """Which percentile of the peaks of its class the memory request is made of; 100 for the largest."""
    killed_at: Quantity | None = None
    """The memory that an attempt asked for which was killed for memory although more is declared: that is free once,
    and from then on its Pods ask for what is declared."""
    memory_factor: Annotated[float, Field(ge=1, le=8)] | None = None
    """After kills for memory its attempts get so many times the memory that is declared, by retry.rules."""


class AttemptRecord(StatusModel):
    """How an attempt ended that did not succeed."""

    attempt: Number
    """Its number, from 1."""
    node: Name | None = None
    """Where it ran."""
    pod: Name | None = None
    """Its Pod."""
    reason: ReasonText
    """Why it ended."""
    start_time: Time | None = None
    """When its container started."""
    finish_time: Time | None = None
    """When it ended."""
    exit_code: ExitCode | None = None
    """The exit code of its container."""
    others: Annotated[list[Name], Field(max_length=2, json_schema_extra=ATOMIC)] | None = None
    """Further nodes that its Pod named and that did not take it either."""
    message: Text | None = None
    """More about its end."""


class TaskStatus(StatusModel):
    """What became of the Task. Only the operator writes it."""

    state: State = State.PENDING
    """PENDING, ASSIGNED, RUNNING, SUCCESS or FAILED: the summary; conditions are for tools."""
    reason: ReasonText = Reason.QUEUED.value
    """Why it stands where it stands."""
    message: Text = ""
    """The same in a sentence."""
    observed_generation: Count | None = None
    """The generation of the spec that this is about."""
    assigned_to: Name | None = None
    """The node."""
    attempt: Number = 0
    """The number of the current or last attempt."""
    pod: Name | None = None
    """The Pod of that attempt."""
    parts: Annotated[str, Field(max_length=32)] = "0/1"
    """Parts done of all parts."""
    assigned_time: Time | None = None
    """When the node was chosen."""
    start_time: Time | None = None
    """When the container of the current attempt started."""
    completion_time: Time | None = None
    """When the Task ended."""
    duration_seconds: Count | None = None
    """From start to end of the last attempt."""
    exit_code: ExitCode | None = None
    """Exit code of the last container that ended."""
    failures: Count | None = None
    """Failures so far, against retry.limit; absent: none."""
    disruptions: Count | None = None
    """Disruptions so far, against retry.disruptionLimit; absent: none."""
    preemptions: Count | None = None
    """How often it was stopped for Tasks of higher priority, 3 times at most; absent: never. This spends nothing."""
    not_before: Time | None = None
    """The next attempt is not made before this."""
    waiting_time: Time | None = None
    """When it last began to wait; its creation, when absent. timeouts.pendingSeconds counts from here."""
    stopping: Literal["Suspended", "Cancelled", "PendingDeadlineExceeded", "NodeLost", "Preempted"] | None = None
    """For which reason the current attempt is being ended: Suspended, Cancelled, PendingDeadlineExceeded, NodeLost,
    Preempted."""
    placement: Choice | None = None
    """Why this node."""
    resources: TaskResources | None = None
    """What it declares, asked for and used."""
    expected_end_time: Time | None = None
    """When the attempt that runs ends if it takes as long as Tasks of its class do; written once, when it begins to
    run, and gone when it ends."""
    resolved: Annotated[str, Field(max_length=9000)] | None = None
    """Which Tasks the names of spec.dependencies stand for, as of the last write: for each in order d (done) or o and
    eight characters of its uid, or nine hyphens. A Task that takes such a name later is not taken for it."""
    result: Annotated[str, Field(max_length=4096)] | None = None
    """What a Task that succeeded wrote to /dev/termination-log, at most 4 KiB of text: its dependents get it as
    LOADSTAR_RESULT_NAME. Whoever may read the Task may read it."""
    attempts: Annotated[list[AttemptRecord], Field(max_length=5, json_schema_extra=ATOMIC)] | None = None
    """The last five attempts that ended without success."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=keyed("type"))] | None = None
    """The contract for tools: Scheduled; DependenciesMet where there are dependencies; PodsReady from the first running
    Pod on; Succeeded from the end on; Suspended and LoadDataFresh once there was something to say of them. They are
    about observedGeneration of the status."""
