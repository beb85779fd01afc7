"""The LoadScore: how loaded a node would be with the Task on it. Lowest wins.

It works on *predicted* load (`prediction`). Which nodes may be scored at all is `fit`'s.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from loadstar.core.fleet import NO_FLEET, Fleet
from loadstar.core.model import Load, Node, NodeClass, NodeScore, Weights
from loadstar.core.nodes import NodeView
from loadstar.core.policy import Policy
from loadstar.core.prediction import Prediction, predict
from loadstar.core.quantity import CPU, MEMORY
from loadstar.core.reservations import Reservation

PREFERRED_BONUS: Final = 0.05
"""What each preferred capability of a node takes off its rank."""
LARGEST_TERM: Final = 0.5
"""How much the most loaded resource counts beside the weighted sum: a node is as good as its scarcest resource."""
CLASSES: Final = (NodeClass.COLD, NodeClass.HOT, NodeClass.UNKNOWN, NodeClass.QUARANTINED, NodeClass.CLOSED)
"""In the order in which nodes are tried."""
CLASS_ORDER: Final = {name: number for number, name in enumerate(CLASSES)}
CLASS_RANK: Final = 2.0
"""Above the rank of all but the worst nodes: so far apart are classes in `standing`."""
NOTHING: Final = Reservation(0, 0)


def sample_age(load: Load | None, now: float) -> float | None:
    """Seconds since the older of the CPU and the memory sample; None without both."""
    if load is None or load.cpu is None or load.memory is None:
        return None
    cpu, memory = now - load.cpu.timestamp, now - load.memory.timestamp
    older = max(memory, cpu)
    return older if older > 0 else 0.0


def normalised(weights: Weights, *, io_known: bool) -> Weights:
    """Weights that sum to 1 over what is known: unknown I/O leaves its weight to CPU and memory."""
    io = weights.io if io_known else 0.0
    total = weights.cpu + weights.memory + io
    if total <= 0:
        return Weights(0.5, 0.5, 0.0)
    return Weights(weights.cpu / total, weights.memory / total, io / total)


def floor_of(view: NodeView, prediction: Prediction) -> int:
    """The number of the best class that the node can have as it stands."""
    if view.failing:
        return CLASS_ORDER[NodeClass.QUARANTINED]
    if not prediction.known:
        return CLASS_ORDER[NodeClass.UNKNOWN]
    return CLASS_ORDER[NodeClass.HOT if prediction.pressed else NodeClass.COLD]


def score(
    view: NodeView,
    own: Reservation | None,
    *,
    policy: Policy,
    weights: Weights,
    prefers: tuple[str, ...],
    now: float,
    fleet: Fleet = NO_FLEET,
) -> NodeScore:
    """Score one node for a Task that would add `own` (None: the node as it is)."""
    prediction = predict(view, policy, now, fleet)
    used = normalised(weights, io_known=prediction.io is not None)
    floor, less = floor_of(view, prediction), bonus(view.node, prefers)
    return grade(view, prediction, own or NOTHING, used, policy.hot, less, now, floor)


def grade(
    view: NodeView,
    prediction: Prediction,
    own: Reservation,
    weights: Weights,
    hot: float,
    less: float,
    now: float,
    floor: int,
) -> NodeScore:
    """Score a node that is predicted like this; `weights` are normalised, `less` is taken off the rank."""
    allocatable = view.node.allocatable
    cpu = prediction.cpu.total + own.cpu / (allocatable.get(CPU) or 1)
    memory = prediction.memory.total + own.memory / (allocatable.get(MEMORY) or 1)
    io = None if prediction.io is None else prediction.io.total + own.io
    total = weights.cpu * cpu + weights.memory * memory + weights.io * (io or 0.0)
    worst = max(cpu, memory, io or 0.0)
    return NodeScore(
        node=view.node.name,
        total=total,
        rank=total + LARGEST_TERM * worst - less,
        cpu=cpu,
        memory=memory,
        io=io,
        weights=weights,
        sample_age=sample_age(view.load, now),
        node_class=CLASSES[floor or int(worst > hot)],
    )


def bonus(node: Node, prefers: tuple[str, ...]) -> float:
    """What the labels that a Task prefers take off the rank of a node."""
    return PREFERRED_BONUS * sum(name in node.labels for name in prefers)


def tie(node: str) -> int:
    """Decides between nodes that are equal in all else, so that it is not always the first by name."""
    return crc32(node.encode())


def order(candidate: NodeScore) -> tuple[int, float, int]:
    """The sort key of nodes for a Task."""
    return CLASS_ORDER[candidate.node_class], candidate.rank, tie(candidate.node)


def standing(candidate: NodeScore) -> float:
    """Class and rank as one number, for comparing Tasks by the best node that each can have: lower is better."""
    return CLASS_RANK * CLASS_ORDER[candidate.node_class] + min(CLASS_RANK, max(0.0, candidate.rank))
