"""Choose a node for a Task: filter, score, choose, and say why, why not, and what else there was.

`place` is pure; the cycle in `loadstar.runtime` calls it and the command line calls it again to explain. Volumes,
zones, spread and inter-Pod affinity stay kube-scheduler's, which still binds the Pod.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from loadstar.core.decision import Decision, Placed, Unplaced
from loadstar.core.fit import Cause, explain_none, reject
from loadstar.core.request import Request
from loadstar.core.snapshot import Snapshot
from loadstar.core.strategies import STRATEGIES

__all__ = ["Decision", "Placed", "Unplaced", "place"]

_SECOND_LOOK: Final = {Cause.AVOIDED, Cause.APART}


def place(request: Request, snapshot: Snapshot) -> Decision:
    """Choose a node for the Task, or say in one sentence why there is none.

    A Task whose every other node is out gets a second look at the ones to avoid: better tried again than never.
    """
    decision = STRATEGIES[request.template.strategy](request, snapshot)
    if decision is not None:
        return decision
    rejections = {
        name: rejection for name, view in snapshot.nodes.items() if (rejection := reject(view, request)) is not None
    }
    if any(rejection.cause in _SECOND_LOOK for rejection in rejections.values()):
        return place(replace(request, avoid=frozenset(), apart=frozenset()), snapshot)
    return Unplaced(*explain_none(rejections, request.template.worker.requests))
