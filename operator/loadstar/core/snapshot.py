"""The cluster at one instant, as a placement sees it.

A view: charges that follow show in it once the ledger is asked for the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loadstar.core.classes import PRIOR, Habit, class_of, expected
from loadstar.core.facts import Album
from loadstar.core.fleet import NO_FLEET, Fleet
from loadstar.core.frontier import Frontier, Frontiers
from loadstar.core.model import Weights
from loadstar.core.nodes import NodeView
from loadstar.core.policy import Policy
from loadstar.core.request import Request
from loadstar.core.reservations import Reservation
from loadstar.core.turns import Turns


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All nodes by name, the policy, the instant, whose turn it is, what measured nodes are like, what classes use.

    `album`: the nodes as they are now, to be kept with a decision.
    """

    nodes: Mapping[str, NodeView]
    policy: Policy
    now: float
    frontiers: Frontiers
    turns: Turns
    fleet: Fleet = NO_FLEET
    habits: Mapping[str, Habit] = field(default_factory=dict)
    album: Album = field(default_factory=Album)

    def own(self, request: Request) -> Reservation:
        """What the Task would add to a node."""
        template = request.template
        return expected(template.declared, self.habits.get(class_of(template.worker), PRIOR))

    def weights(self, request: Request) -> Weights:
        """The Task's own weights, else the policy's."""
        return request.template.placement.weights or self.policy.weights

    def frontier(self, request: Request) -> Frontier:
        """The nodes that can take the Task, best first."""
        return self.frontiers.of(request, self.own(request), self.weights(request), self.policy.hot)
