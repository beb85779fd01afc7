"""Why a Task would go to a node, or would not: the node as the Task sees it, beside another, in words.

What is said of a node is what `placement` goes by: the same filter, the same prediction, the same score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from loadstar.core.choice import terms
from loadstar.core.fit import Cause, Rejection, reject
from loadstar.core.model import NodeScore
from loadstar.core.nodes import NodeView
from loadstar.core.prediction import Prediction, Term, predict
from loadstar.core.quantity import CPU, MEMORY
from loadstar.core.request import Request
from loadstar.core.scoring import CLASS_ORDER, order
from loadstar.core.snapshot import Snapshot
from loadstar.core.standing import reason
from loadstar.core.strategies import scored


@dataclass(frozen=True, slots=True)
class Account:
    """One node. `rejection`: why it cannot take the Task, None when it can; `own_cpu`, `own_memory`, `own_io`: the
    shares that the Task adds, 0 where it already is; `because`: why the node is of its class, empty for Cold.
    """

    score: NodeScore
    prediction: Prediction
    rejection: Rejection | None
    own_cpu: float
    own_memory: float
    own_io: float
    because: str

    @property
    def node(self) -> str:
        """Its name."""
        return self.score.node


def account(view: NodeView, request: Request, snapshot: Snapshot, *, here: bool = False) -> Account:
    """The node with the Task on it. `here`: the Task already is, so that it takes nothing more, and has its room."""
    policy, now = snapshot.policy, snapshot.now
    prediction = predict(view, policy, now, snapshot.fleet)
    own, allocatable = snapshot.own(request), view.node.allocatable
    if here:
        own = replace(own, cpu=0, memory=0, io=0.0)
    score = scored(request, snapshot, view, own)
    rejection = reject(view, request)
    if here and rejection is not None and rejection.cause in {Cause.FULL, Cause.AVOIDED, Cause.APART}:
        rejection = None
    return Account(
        score,
        prediction,
        rejection,
        own.cpu / (allocatable.get(CPU) or 1),
        own.memory / (allocatable.get(MEMORY) or 1),
        own.io,
        reason(view, prediction, score, policy, now),
    )


def verdict(asked: Account, other: Account | None) -> str:
    """Whether the Task would rather have the first node than the other, and what decides it."""
    if asked.rejection is not None:
        detail = f" ({asked.rejection.detail})" if asked.rejection.detail else ""
        return f"{asked.node} cannot take it: it is {asked.rejection.cause}{detail}"
    if other is None or other.node == asked.node:
        return f"{asked.node} can take it"
    if other.rejection is not None:
        return f"{asked.node} can take it, and {other.node} cannot: it is {other.rejection.cause}"
    better, worse = sorted((asked, other), key=lambda item: order(item.score))
    kinds = better.score.node_class, worse.score.node_class
    if CLASS_ORDER[kinds[0]] != CLASS_ORDER[kinds[1]]:
        cause = f"{kinds[0]} comes before {kinds[1]}"
        cause += f" ({worse.because})" if worse.because else ""
    elif better.score.rank == worse.score.rank:
        cause = "they are equal, and a hash of their names decides"
    else:
        cause = f"its rank is {better.score.rank:.3f}, that of {worse.node} {worse.score.rank:.3f}"
    return f"{better.node} is better by load: {cause}"


def lines(item: Account) -> list[str]:
    """A node term by term: class, each resource, and the score that they make."""
    score, prediction = item.score, item.prediction
    found = [f"class    {score.node_class}" + (f": {item.because}" if item.because else "")]
    if item.rejection is not None:
        detail = f" ({item.rejection.detail})" if item.rejection.detail else ""
        found.append(f"out      {item.rejection.cause}{detail}")
    found.append(_line("cpu", score.cpu, prediction.cpu, item.own_cpu))
    found.append(_line("memory", score.memory, prediction.memory, item.own_memory))
    if prediction.io is None or score.io is None:
        found.append("io       not measured: its weight goes to the others")
    else:
        found.append(_line("io", score.io, prediction.io, item.own_io))
    age = "no sample" if score.sample_age is None else f"sample {score.sample_age:.0f} s old"
    found.append(f"score    {score.total:.3f} = {terms(score)}; {age}")
    return found


def _line(name: str, share: float, term: Term, own: float) -> str:
    text = f"{name:8} {share:.3f} = measured {term.measured:.3f} + reserved {term.reserved:.3f}"
    return f"{text} + margin {term.risk:.3f} + this Task {own:.3f}"
