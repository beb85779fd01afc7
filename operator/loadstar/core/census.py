"""How many nodes a Task cannot have, by cause: what a status keeps of the nodes that were not chosen.

Causes that whole groups of nodes share are counted by group, so that the count costs no more on 5,000 nodes than on 50.
Whether a node has room is its own; among few nodes each is looked at for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from loadstar.core.fit import Cause, by_cause, reject
from loadstar.core.request import Request
from loadstar.core.snapshot import Snapshot

LOOKED_AT: Final = 100
"""Among more nodes than this, those without room are not counted, nor those that one label of their own rules out."""


def rejected(request: Request, snapshot: Snapshot) -> str:
    """The nodes that cannot take the Task, by cause: "2 cordoned, 1 not Ready"; empty when there are none."""
    counts = count(request, snapshot)
    return by_cause(counts) if counts else ""


def count(request: Request, snapshot: Snapshot) -> Mapping[Cause, int]:
    """By cause; no cause without nodes."""
    few = len(snapshot.nodes) <= LOOKED_AT
    if few and request.closely:
        rejections = (reject(view, request) for view in snapshot.nodes.values())
        return Counter(rejection.cause for rejection in rejections if rejection is not None)
    suited = snapshot.frontiers.suit(request.template)
    counts = dict(suited.out)
    if few:
        cpu, memory = request.size
        for group, _ in suited.groups:
            for view, _, box, _, _, _ in group.standing:
                if (box[4] < cpu or box[5] < memory or box[6] < 1) and (found := reject(view, request)) is not None:
                    counts[found.cause] = counts.get(found.cause, 0) + 1
        return counts
    for cause, names in ((Cause.AVOIDED, request.avoid), (Cause.APART, request.apart - request.avoid)):
        if known := sum(name in snapshot.nodes for name in names):
            counts[cause] = known
    return counts
