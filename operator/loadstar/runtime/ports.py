"""What the runtime needs of the world, as Protocols, and the ways in which the world may refuse.

`loadstar.kube` and `loadstar.sources` implement them; tests put fakes behind them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from loadstar.core.classes import Use
from loadstar.core.coverage import Verdict
from loadstar.core.model import Condition, Load, Node, Pod, Task, TaskStatus
from loadstar.core.occupancy import QueueStatus
from loadstar.core.profile import Profile
from loadstar.core.result import NO_RESULTS
from loadstar.core.standing import Topology
from loadstar.core.template import Template


class ClusterError(Exception):
    """The API server said no, or nothing. The subclasses say which."""


class Conflict(ClusterError):  # noqa: N818 - the API's own word
    """What was written over has changed meanwhile (409): look again, decide again."""


class AlreadyExists(ClusterError):  # noqa: N818
    """An object of that name is there (409)."""


class NotFound(ClusterError):  # noqa: N818
    """The object is gone (404)."""


class Forbidden(ClusterError):  # noqa: N818
    """Not allowed now (403): rights, quota, Pod security, an admission policy."""


class Invalid(ClusterError):  # noqa: N818
    """Never possible as written (400, 422)."""


class Unavailable(ClusterError):  # noqa: N818
    """No answer, a broken one, or 5xx: whether it took effect is not known."""


class Throttled(Unavailable):
    """429: asked to wait `seconds`."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Terminating(Unavailable):
    """403 since the namespace is being terminated: the Task will soon be gone too."""


class BudgetRefused(ClusterError):  # noqa: N818 - the API server's word, not a fault
    """429 with cause DisruptionBudget: this Pod may not go now. It says nothing about other writes."""


class Misconfigured(ClusterError):  # noqa: N818 - a state of things
    """What was asked for cannot be had as it is set up; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A coordination.k8s.io Lease, reduced to what an election needs."""

    holder: str
    duration: float
    transitions: int
    renewed: str
    resource_version: str


class LeaseStore(Protocol):
    """Where the election takes place."""

    async def read_lease(self) -> LeaseRecord | None:
        """The Lease, or None when there is none."""
        ...

    async def write_lease(
        self, holder: str, duration: float, transitions: int, over: LeaseRecord | None
    ) -> LeaseRecord:
        """Create it (`over` None) or replace exactly what was read. Raises Conflict or AlreadyExists when lost."""
        ...


class Cluster(Protocol):
    """The one door out. Every method may raise Unavailable or Throttled."""

    async def write_status(self, task: Task, status: TaskStatus) -> Task:
        """Write `status` over `task.status`. Raises Conflict, NotFound, Invalid."""
        ...

    async def read_task(self, namespace: str, name: str) -> Task | None:
        """The Task as it is now, or None."""
        ...

    async def delete_task(self, task: Task) -> None:
        """Delete exactly this Task; that it is gone already is success."""
        ...

    async def create_pod(
        self,
        task: Task,
        template: Template,
        attempt: int,
        node: str,
        others: tuple[str, ...] = (),
        results: Mapping[str, str] = NO_RESULTS,
    ) -> Pod:
        """Create the attempt's Pod, pinned to `node`, or else `others`, unless that is empty.

        `results`: what its dependencies left for it, by name. Raises AlreadyExists, Forbidden, Invalid.
        """
        ...

    async def read_pod(self, namespace: str, name: str) -> Pod | None:
        """The Pod as it is now, or None."""
        ...

    async def delete_pod(self, pod: Pod, *, force: bool) -> None:
        """Ask for the end of exactly this Pod as it was seen; `force`: at once and in any version.

        Raises Conflict when it has changed meanwhile, NotFound, BudgetRefused.
        """
        ...

    async def release_pod(self, pod: Pod) -> Pod | None:
        """Take our finalizer off the Pod; None when it is gone. Raises Conflict."""
        ...

    async def restore_pod(self, task: Task, pod: Pod) -> Pod | None:
        """Put our labels and the owner back on the Pod; None when it is gone."""
        ...

    async def emit(self, task: Task, reason: str, message: str) -> None:
        """Record a Warning Event about the Task."""
        ...

    async def create_policy(self) -> None:
        """Create the PlacementPolicy `default` with its defaults; that it exists is success."""
        ...

    async def write_policy_status(
        self, generation: int, topology: Topology, conditions: Sequence[Condition], now: float
    ) -> None:
        """Replace the status of the PlacementPolicy `default`."""
        ...


Take: TypeAlias = Callable[[Mapping[str, Load]], Awaitable[None]]
"""Takes in samples by node, giving way to others meanwhile."""


@dataclass(frozen=True, slots=True)
class KeptProfile:
    """A TaskProfile as it is: `profile` None when it cannot be read; `written`: when it was."""

    version: str
    profile: Profile | None
    written: float


class ProfileObjects(Protocol):
    """Where profiles of classes are kept, by namespace and name. Every method may raise Unavailable or Throttled."""

    async def write_profile(self, name: tuple[str, str], profile: Profile, version: str, now: float) -> str:
        """Create it (`version` empty) or replace exactly that version; returns the new one.

        Raises AlreadyExists, Conflict, NotFound.
        """
        ...

    async def read_profile(self, name: tuple[str, str]) -> KeptProfile | None:
        """As it is now, or None."""
        ...

    async def delete_profile(self, name: tuple[str, str], version: str) -> None:
        """Delete exactly that version. Raises Conflict, NotFound."""
        ...


class QueueObjects(Protocol):
    """Where queues are, by namespace and name. Every method may raise Unavailable or Throttled."""

    async def write_queue_status(self, name: tuple[str, str], status: QueueStatus, now: float) -> None:
        """Replace the status of the TaskQueue. Raises NotFound."""
        ...


class LoadSource(Protocol):
    """Where the load of nodes is measured."""

    pause: float
    """The least seconds between two readings: what is measured changes no sooner."""

    async def read(self, nodes: Mapping[str, Node], take: Take) -> Verdict:
        """Measure these nodes, all of which are Ready; `take` gets samples by node as they come, what is new only.

        One node's failure is in the verdict and holds up no other. Raises a ClusterError when nothing answers.
        """
        ...

    async def close(self) -> None:
        """Give up what it holds open."""
        ...


class ApiReader(Protocol):
    """A plain GET at the API server, for sources that are served behind it."""

    async def get(self, path: str) -> Mapping[str, Any]:
        """The object at `path`. Raises a ClusterError."""
        ...


class UseSource(Protocol):
    """Where the use of our Pods is read."""

    name: str

    async def read(self, nodes: Mapping[str, Node]) -> Mapping[tuple[str, str], Use]:
        """By namespace and name, of Pods on these nodes at least. Raises a ClusterError."""
        ...

    async def close(self) -> None:
        """Give up what it holds open."""
        ...


class Clock(Protocol):
    """Time, so that tests can turn it."""

    def now(self) -> float:
        """Seconds since the epoch, UTC: for times that are written down or compared with the cluster's."""
        ...

    def boottime(self) -> float:
        """Seconds that never jump and count sleep: for durations and the lease."""
        ...
