"""What is advised is what the runs say, with how sure they are."""

from __future__ import annotations

from dataclasses import replace

from loadstar.core.model import Strategy, Weights
from loadstar.simulate.contest import Result, Trial, World, advice, trials
from loadstar.simulate.outcome import Outcome
from loadstar.simulate.run import Setting
from tests.unit.simulate.clusters import host, job

PLAIN = Outcome(10, 1, 1, 1, 1, 1, 1, 0, 0, 0.1, 0, 0.5, 0, 0, 0, 0)
AWARE, ROBIN = Strategy.LOAD_AWARE, Strategy.ROUND_ROBIN


def result(strategy: Strategy, nodes: int, *totals: float, **more: int) -> Result:
    found = (replace(PLAIN, total_mean=total, **more) for total in totals)
    return Result(Trial(strategy, Weights(), nodes), tuple(found))


def test_weights_are_varied_where_they_decide() -> None:
    """Round robin is tried once, whatever the weights."""
    found = trials([AWARE, ROBIN], [Weights(), Weights(1, 0, 0)], [2, 3])
    assert [(each.strategy, each.nodes) for each in found].count((ROBIN, 2)) == 1
    assert len(found) == 6


def test_the_fewest_nodes_that_reach_the_goal() -> None:
    """And the best way on them."""
    slower = result(ROBIN, 3, 1.3, 1.4, 1.35)
    found = [result(AWARE, 2, 1.5, 1.6, 1.5), result(AWARE, 3, 1.1, 1.1, 1.1), slower, result(AWARE, 4, 1, 1, 1)]
    said = advice(found, 1.2)
    assert said[0].startswith("3 nodes are the fewest")
    assert "LoadAware 0.5/0.3/0.2 is best: 1.100" in said[1]
    assert any(line.startswith("slower: RoundRobin") for line in said)


def test_no_count_reaches_the_goal() -> None:
    """That is said; so is a cluster that left Tasks undone."""
    assert advice([result(AWARE, 2, 1.5, 1.6)], 1.2)[0].startswith("no count of nodes")
    assert advice([result(AWARE, 2, 1.1, 1.1, unfinished=1)], 1.2)[0].startswith("no count of nodes")
    assert "3 Tasks fit on no node at all" in advice([result(AWARE, 2, 1.1, 1.1, refused=3)], 1.2)[-1]


def test_a_difference_within_its_interval_is_none() -> None:
    """Seeds that disagree tell no difference; a single one tells none at all."""
    first, second = result(AWARE, 2, 1.0, 1.2, 1.1), result(ROBIN, 2, 1.2, 1.0, 1.15)
    assert any(line.startswith("no difference") for line in advice([first, second], 1.2))
    assert any("one seed" in line for line in advice([result(AWARE, 2, 1.0), result(ROBIN, 2, 1.1)], 1.2))


def test_a_world_runs_a_trial_on_so_many_nodes() -> None:
    """The policy is the trial's."""
    world = World(lambda _: [job(number) for number in range(4)], lambda _: [host(cores=1)], Setting())
    one, two = (world.run(Trial(AWARE, Weights(), count), 1) for count in (1, 4))
    assert two.total_mean < one.total_mean
