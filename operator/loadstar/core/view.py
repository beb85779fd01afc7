"""What is known of one Task at an instant: all that a decision about it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from loadstar.core.dependencies import Needs
from loadstar.core.model import Node, Pod, Task
from loadstar.core.placement import Decision
from loadstar.core.policy import Policy
from loadstar.core.usage import Usage


class NodeState(Enum):
    """The node of the open attempt. GONE: its object was seen to disappear; a node never seen counts as READY."""

    READY = auto()
    NOT_READY = auto()
    GONE = auto()
    OUT_OF_SERVICE = auto()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The API server's answer to the Pod of an attempt: never possible (`invalid`), or not allowed now."""

    attempt: int
    invalid: bool
    message: str


@dataclass(frozen=True, slots=True)
class View:
    """`node_since`: since when the node is in its state, by the API server's clock; None when that is not known.

    `preemptor`: the Task for which the open attempt is to make room; `room`: where room is being made for this one, in
    words. `others`: nodes that are as good as the chosen one, as far as this process remembers. `usage`: what the Pod
    of the open attempt was seen to use, and `takes` how many seconds Tasks of its class take; None when not known.
    `needs`: how its dependencies stand, None when it has none or had them all; `needed`: a Task that has not ended
    names this one as a dependency.
    """

    task: Task
    policy: Policy
    pods: tuple[Pod, ...] = ()
    decision: Decision | None = None
    refusal: Refusal | None = None
    node_state: NodeState = NodeState.READY
    node_since: float | None = None
    others: tuple[str, ...] = ()
    preemptor: str = ""
    room: str = ""
    usage: Usage | None = None
    takes: float | None = None
    needs: Needs | None = None
    needed: bool = False


def state_of(node: Node) -> NodeState:
    """What a Node object says of itself."""
    if node.out_of_service:
        return NodeState.OUT_OF_SERVICE
    return NodeState.READY if node.ready else NodeState.NOT_READY
