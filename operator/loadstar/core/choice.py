"""Why a node was chosen, in the few words that a Task's status keeps of it.

The API server checks and stores every value of a status with every write of it, so what people read is a sentence and
only what is sorted or compared stays a value of its own.
"""

from __future__ import annotations

from loadstar.core.model import Choice, NodeClass, NodeScore
from loadstar.core.placement import Placed


def choice(placed: Placed) -> Choice | None:
    """What the status keeps; None when the choice was left to kube-scheduler."""
    score = placed.score
    if score is None:
        return None
    return Choice(
        node=score.node,
        score=score.total,
        terms=terms(score),
        node_class=score.node_class,
        sample_age=score.sample_age,
        next=", ".join(runner_up(item) for item in placed.next),
        rejected=placed.rejected,
    )


def terms(score: NodeScore) -> str:
    """The LoadScore as a sum: "0.62·cpu 0.31 + 0.38·memory 0.22, io not measured; ranked at 0.43"."""
    weights = score.weights
    parts = f"{weights.cpu:.3g}·cpu {score.cpu:.3f} + {weights.memory:.3g}·memory {score.memory:.3f}"
    io = ", io not measured" if score.io is None else f" + {weights.io:.3g}·io {score.io:.3f}"
    return f"{parts}{io}; ranked at {score.rank:.3f}"


def runner_up(score: NodeScore) -> str:
    """A node that came after the chosen one: "node-7 0.41", with its class when that is not Cold."""
    kind = "" if score.node_class is NodeClass.COLD else f" {score.node_class.value}"
    return f"{score.node} {score.total:.3f}{kind}"
