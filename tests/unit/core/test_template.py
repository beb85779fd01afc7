"""What a Task asks for, its type and the policy counted in."""

from __future__ import annotations

from typing import Any

from loadstar.core.model import Placement, Strategy, Weights
from loadstar.core.policy import Policy, TypeDefault
from loadstar.core.template import Template, resolve
from tests.unit.core.builders import task, worker

IO = Weights(0.1, 0.1, 0.8)
POLICY = Policy(
    strategy=Strategy.ROUND_ROBIN,
    types={"image": TypeDefault(worker(cpu=7), ("gpu",), ("ssd",), IO), "default": TypeDefault(worker(cpu=9))},
)


def resolved(**fields: Any) -> Template:
    found = resolve(task(**fields), POLICY)
    assert found is not None
    return found


def test_a_type_brings_what_the_task_does_not_say() -> None:
    """Worker and weights are the Task's own if it has them; capabilities are both's."""
    found = resolved(type="image", worker=None, placement=Placement(requires=("fast",)))
    assert (found.worker, found.requires, found.prefers) == (worker(cpu=7), ("gpu", "fast"), ("ssd",))
    assert found.placement.weights == IO
    own = Weights(1, 0, 0)
    assert resolved(type="image", placement=Placement(weights=own)).placement.weights == own
    assert resolved(type="other", worker=None).worker == worker(cpu=9)


def test_the_policy_chooses_the_strategy_unless_the_task_does() -> None:
    """One edit of the policy changes it for all Tasks that leave it open."""
    assert resolved().strategy is Strategy.ROUND_ROBIN
    assert resolved(placement=Placement(Strategy.POWER_OF_TWO)).strategy is Strategy.POWER_OF_TWO
