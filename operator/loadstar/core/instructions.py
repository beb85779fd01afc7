"""What a decision may ask for. The runtime carries instructions out in order and stops at the first that fails."""

from __future__ import annotations

from dataclasses import dataclass

from loadstar.core.model import Pod, TaskStatus


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Write this status over the one that was decided on, with its resourceVersion as the precondition."""

    status: TaskStatus


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Create the Pod of the current attempt under its fixed name; that it exists already is success.

    `others`: nodes that are as good as `node`.
    """

    attempt: int
    node: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete exactly this Pod, and only as it was seen (uid and resourceVersion as preconditions).

    `force`: at once and in any version, without waiting for its kubelet: for nodes that are gone or given up.
    """

    pod: Pod
    force: bool = False


@dataclass(frozen=True, slots=True)
class ReleasePod:
    """Take our finalizer off this Pod: its end is on record, or nobody needs it any more."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class RestorePod:
    """Put back the labels and the owner by which this Pod is the Task's."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class ConfirmOrphan:
    """Read the owner of this Pod live; when it is gone, so is the reason for the Pod: release and delete it."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class ConfirmPod:
    """Read this Pod live before believing that it is gone."""

    name: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ConfirmDependency:
    """Read this dependency live before believing that it was deleted."""

    name: str


@dataclass(frozen=True, slots=True)
class RefreshTask:
    """Read the Task live: what is known of it is older than its Pods, and `ahead` are Pods of attempts it lacks."""

    ahead: tuple[Pod, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestPlacement:
    """Take part in the next placement cycle."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Stay in this state, for this reason. Written only when it lasts and the reason is news.

    `resolved`: which Tasks the dependencies are, to be written along; `news`: that it be written is worth it by itself.
    """

    reason: str
    message: str
    resolved: str = ""
    news: bool = False


@dataclass(frozen=True, slots=True)
class Requeue:
    """Decide again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Expire:
    """The Task's time to live is over in so many seconds: decide again then, in its turn among all of these."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Delete the Task (uid as the precondition) in its turn: its time to live is over."""


@dataclass(frozen=True, slots=True)
class Emit:
    """A Kubernetes Event of type Warning: something abnormal that a person should see."""

    reason: str
    message: str


Instruction = (
    WriteStatus
    | CreatePod
    | DeletePod
    | ReleasePod
    | RestorePod
    | ConfirmOrphan
    | ConfirmPod
    | ConfirmDependency
    | RefreshTask
    | RequestPlacement
    | Wait
    | Requeue
    | Expire
    | DeleteTask
    | Emit
)
