"""What the placement of a Task came to."""

from __future__ import annotations

from dataclasses import dataclass, field

from loadstar.core.model import NodeScore, Strategy
from loadstar.core.reasons import Reason
from loadstar.core.resources import NOTHING_LEARNED, Asks


@dataclass(frozen=True, slots=True)
class Placed:
    """`node` is None when the choice is left to kube-scheduler. `next` are the runners-up; `others` those of them that
    are so much alike that the Pod may as well go there; `rejected` counts by cause the nodes that cannot take the Task.
    `seen`: as of `Unplaced`, where the choice is not ours. `learned`: what was asked for in the place of what is
    declared.
    """

    node: str | None
    score: NodeScore | None
    next: tuple[NodeScore, ...]
    message: str
    fresh: bool
    strategy: Strategy = Strategy.LOAD_AWARE
    others: tuple[str, ...] = ()
    rejected: str = ""
    learned: Asks = NOTHING_LEARNED
    seen: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """No node now; `reason` says of which kind the obstacle is and `message` counts nodes by cause.

    `seen`: nodes over which alone the answer would be as it is, such as one for each cause.
    """

    reason: Reason
    message: str
    seen: tuple[str, ...] = field(default=(), compare=False)


Decision = Placed | Unplaced
