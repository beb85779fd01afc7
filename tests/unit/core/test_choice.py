"""What a status keeps of a choice."""

from __future__ import annotations

from dataclasses import replace

from loadstar.core.choice import choice, terms
from loadstar.core.model import NodeClass, NodeScore, Weights
from loadstar.core.placement import Placed

SCORE = NodeScore("a", 0.2841, 0.4123, 0.2871, 0.2791, None, Weights(0.625, 0.375, 0.0), 7.0, NodeClass.COLD)


def test_terms_are_the_sum() -> None:
    """Each measured resource is there with its weight and share; an unmeasured one is named, not counted."""
    assert terms(SCORE) == "0.625·cpu 0.287 + 0.375·memory 0.279, io not measured; ranked at 0.412"
    measured = replace(SCORE, io=0.5, weights=Weights(0.5, 0.3, 0.2))
    assert terms(measured) == "0.5·cpu 0.287 + 0.3·memory 0.279 + 0.2·io 0.500; ranked at 0.412"


def test_runners_up_show_their_class_when_it_is_not_cold() -> None:
    """The next best nodes come in order, and one that is hot or unknown says so."""
    others = (replace(SCORE, node="b", total=0.3), replace(SCORE, node="c", total=0.9, node_class=NodeClass.HOT))
    kept = choice(Placed("a", SCORE, others, "m", fresh=True, rejected="2 cordoned"))
    assert kept is not None
    assert kept.next == "b 0.300, c 0.900 Hot"
    assert kept.rejected == "2 cordoned"
    assert (kept.node, kept.score, kept.node_class, kept.sample_age) == ("a", 0.2841, NodeClass.COLD, 7.0)


def test_no_choice_of_ours_leaves_none() -> None:
    """Where kube-scheduler chooses there is nothing to keep."""
    assert choice(Placed(None, None, (), "m", fresh=False)) is None
