"""Choose a node for a Task: filter, score, choose, and say why, why not, and what else there was.

`place` is pure; the cycle in `loadstar.runtime` calls it and the command line calls it again to explain. Volumes,
zones, spread and inter-Pod affinity stay kube-scheduler's, which still binds the Pod.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from loadstar.core.decision import Decision, Placed, Unplaced
from loadstar.core.fit import Cause, explain_none, reject
from loadstar.core.model import NodeClass, Strategy
from loadstar.core.policy import Policy, WhenFull, WhenHot
from loadstar.core.prediction import predict
from loadstar.core.reasons import Reason
from loadstar.core.request import Request
from loadstar.core.resources import NOTHING_LEARNED
from loadstar.core.scoring import floor_of
from loadstar.core.snapshot import Snapshot
from loadstar.core.strategies import STRATEGIES, describe

__all__ = ["Decision", "Placed", "Unplaced", "place", "shown"]

FULL_SECONDS: Final = 30.0
"""For so long a Task waits for room before its Pod is shown to cluster autoscalers."""
SHOWN_PODS: Final = 10
"""So many Pods without a node are enough for an autoscaler to add one, and few enough not to flood kube-scheduler."""
_SECOND_LOOK: Final = {Cause.AVOIDED, Cause.APART}


def place(request: Request, snapshot: Snapshot, known: Unplaced | None = None) -> Decision:
    """Choose a node for the Task, or say in one sentence why there is none.

    A Task whose every other node is out gets a second look at the ones to avoid: better tried again than never.
    `known`: what was said of it a moment ago, which is said again where there still is no node: to count nodes by
    cause takes a look at each of them.
    """
    decision = STRATEGIES[request.template.strategy](request, snapshot)
    if decision is not None:
        if not request.template.learned.requests:
            return _cool(decision, snapshot)
        if _open(decision, snapshot):
            return replace(decision, learned=request.template.learned)
        return _as_declared(decision, request, snapshot)
    if known is not None and not (request.avoid or request.apart or request.template.learned.requests):
        return known
    rejections = {
        name: rejection for name, view in snapshot.nodes.items() if (rejection := reject(view, request)) is not None
    }
    if any(rejection.cause in _SECOND_LOOK for rejection in rejections.values()):
        return place(replace(request, avoid=frozenset(), apart=frozenset()), snapshot)
    seen = {rejection.cause: name for name, rejection in rejections.items()}
    unplaced = Unplaced(*explain_none(rejections, request.template.requests), seen=tuple(seen.values()))
    if request.template.learned.requests and unplaced.reason is Reason.REQUEST_TOO_LARGE:
        # More than any node has can only be learned for what is not declared: then it goes without.
        return place(_declared(request), snapshot)
    return unplaced


def shown(decision: Decision, policy: Policy, waited: float, pods: int) -> Decision:
    """What follows for a Task that has waited so many seconds, while so many Pods without a node exist.

    Where no node has room some Pods are made all the same, unpinned: cluster autoscalers see demand by such Pods alone.
    """
    if (
        isinstance(decision, Unplaced)
        and decision.reason is Reason.WAITING_FOR_CAPACITY
        and policy.when_full is WhenFull.CREATE_PODS
        and waited >= FULL_SECONDS
        and pods < SHOWN_PODS
    ):
        text = f"no node had room for {FULL_SECONDS:.0f} s: its Pod waits for any, so that a cluster autoscaler sees it"
        text = f"{text}: {decision.message}"
        return Placed(None, None, (), text, fresh=True, strategy=Strategy.KUBE_SCHEDULER, seen=decision.seen)
    return decision


def _declared(request: Request) -> Request:
    """The request as if nothing had been learned."""
    return replace(request, template=replace(request.template, learned=NOTHING_LEARNED))


def _open(placed: Placed, snapshot: Snapshot) -> bool:
    """Whether the node is known to have what learned requests count on: it is not hot as it stands.

    That is without the Task, and without the margin for how its load moves about: a margin on each node gives away what
    learning gains. Where kube-scheduler chooses, it is its.
    """
    best = placed.score
    if best is None or best.node_class is NodeClass.COLD:
        return True
    view, policy = snapshot.nodes[best.node], snapshot.policy
    prediction = predict(view, policy, snapshot.now, snapshot.fleet)
    terms = [term for term in (prediction.cpu, prediction.memory, prediction.io) if term is not None]
    return floor_of(view, prediction) == 0 and all(term.total - term.risk <= policy.hot for term in terms)


def _as_declared(placed: Placed, request: Request, snapshot: Snapshot) -> Decision:
    """Learned requests open no node that is hot or not measured: it takes what fits by what is declared."""
    decision = place(_declared(request), snapshot)
    if isinstance(decision, Placed) or placed.score is None:
        return decision
    best = placed.score
    kind = "is hot" if best.node_class is NodeClass.HOT else "has no fresh sample"
    text = f"{decision.message}; what its class was learned to use would fit {best.node}, which {kind}"
    return Unplaced(decision.reason, text, seen=(*decision.seen, best.node))


def _cool(placed: Placed, snapshot: Snapshot) -> Decision:
    """The choice, unless the policy would have Tasks wait for a cooler node and there is none."""
    best, policy = placed.score, snapshot.policy
    if best is None or best.node_class is not NodeClass.HOT or policy.when_hot is not WhenHot.WAIT:
        return placed
    if placed.strategy is not Strategy.LOAD_AWARE:
        return placed
    text = f"every node that can take it is over {policy.hot:.0%} load; the best would be {best.node}: {describe(best)}"
    return Unplaced(Reason.NODES_OVERLOADED, text, seen=(best.node,))
