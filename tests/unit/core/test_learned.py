"""A Task with learned requests on its way: where it is placed, what its Pod asks for, and what befalls it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadstar.core.classes import expected
from loadstar.core.instructions import Emit, Requeue, WriteStatus
from loadstar.core.model import NodeClass, Phase, Placement, Strategy, TaskStatus, Worker
from loadstar.core.nodes import Charge
from loadstar.core.placement import Decision, Placed, Unplaced, place, shown
from loadstar.core.policy import Policy, WhenFull
from loadstar.core.reasons import Reason
from loadstar.core.request import Request
from loadstar.core.resources import Asks, Resources
from loadstar.core.states import State
from loadstar.core.template import Template, assigned
from loadstar.core.usage import Usage
from loadstar.core.view import Refusal
from tests.unit.core.builders import GI, NOW, ledger, pod, snapshot, task, view, worker
from tests.unit.core.decisions import ASSIGNED, PLACED, RUNNING, decide, written

MI = 2**20
DECLARED = {"cpu": 2000, "memory": 4 * GI}
LEARNED = Asks({"cpu": 500, "memory": GI}, 100)
FULL = {"cpu": 3000, "memory": 3 * GI}
"""Room for what was learned, and none for what is declared."""


def asking(learned: Asks = LEARNED, declared: dict[str, int] | None = None, **fields: Any) -> Request:
    own = Worker(b'{"image":"x"}', DECLARED if declared is None else declared)
    return Request("u", Template(own, Placement(), (), (), learned=learned, **fields))


def placed(decision: Decision) -> Placed:
    assert isinstance(decision, Placed)
    return decision


def test_a_cold_node_takes_what_was_learned() -> None:
    """Room is needed for that alone; the choice says what the Pod is to ask for."""
    found = placed(place(asking(), snapshot(view("a", 0.2, requested=FULL))))
    assert (found.node, found.learned) == ("a", LEARNED)
    assert isinstance(place(asking(Asks()), snapshot(view("a", 0.2, requested=FULL))), Unplaced)


@pytest.mark.parametrize(("cpu", "words"), [(0.95, "which is hot"), (None, "which has no fresh sample")])
def test_a_node_that_is_hot_or_not_measured_takes_no_more(cpu: float | None, words: str) -> None:
    """Only what fits by declaration goes there, and asks for that; else the Task waits as if nothing was learned."""
    waits = place(asking(), snapshot(view("a", cpu, requested=FULL)))
    assert isinstance(waits, Unplaced)
    assert waits.reason is Reason.WAITING_FOR_CAPACITY
    assert words in waits.message
    assert placed(place(asking(), snapshot(view("a", cpu)))).learned == Asks()


def test_a_node_that_only_the_task_makes_hot_takes_it() -> None:
    """Hot is what a node is as it stands; the next one does not go there."""
    world = ledger(view("a", 0.7, requested={"cpu": 2000, "memory": 3 * GI}))
    first = placed(place(asking(), world.snapshot(Policy(), NOW)))
    assert first.score is not None
    assert (first.score.node_class, first.learned) == (NodeClass.HOT, LEARNED)
    requests = {**DECLARED, **LEARNED.requests}
    world.put("first", Charge("a", requests, expected(DECLARED), "kind", DECLARED))
    assert isinstance(place(asking(), world.snapshot(Policy(), NOW)), Unplaced)


def test_autoscalers_see_what_is_declared() -> None:
    """A Task that waits for room on paper shows its demand as it would without learning."""
    waits = place(asking(), snapshot(view("a", 0.95, requested=FULL)))
    told = placed(shown(waits, Policy(when_full=WhenFull.CREATE_PODS), waited=60, pods=0))
    assert (told.node, told.learned) == (None, Asks())


def test_a_cold_node_comes_before_a_hot_one_that_has_more_room() -> None:
    """The learned request goes where there is room in truth."""
    world = snapshot(view("hot", 0.95), view("cold", 0.3, requested=FULL))
    assert placed(place(asking(), world)).node == "cold"


def test_what_no_node_has_is_not_asked_for() -> None:
    """More than any node offers can only be learned where nothing is declared: then the Task goes without."""
    huge = Asks({"cpu": 500, "memory": 64 * GI}, 100)
    assert placed(place(asking(huge, declared={}), snapshot(view("a")))).learned == Asks()


@pytest.mark.parametrize("strategy", [s for s in Strategy if s is not Strategy.KUBE_SCHEDULER])
def test_no_strategy_puts_what_was_learned_on_a_hot_node(strategy: Strategy) -> None:
    """Whoever chooses."""
    found = place(asking(strategy=strategy), snapshot(view("a", 0.95)))
    assert placed(found).learned == Asks()
    assert placed(found).score is not None
    assert placed(found).score.node_class is NodeClass.HOT  # type: ignore[union-attr] # asserted above


def test_the_assignment_holds_what_is_asked_for() -> None:
    """So the Pod is the same after a crash, whatever was learned meanwhile; requests as declared cost no byte."""
    one = replace(PLACED, learned=Asks({"cpu": 50}, None))
    status = written(decide(task(), decision=one))
    assert status.resources == Resources({"cpu": 100, "memory": 64 * MI}, {"cpu": 50, "memory": 64 * MI})
    assert written(decide(task(), decision=PLACED)).resources is None
    template = Template(worker(), Placement(), (), ())
    assert assigned(template, status).requests == {"cpu": 50, "memory": 64 * MI}
    assert assigned(template, TaskStatus()) is template


def test_a_request_is_never_above_what_is_declared_by_now() -> None:
    """The worker of a type may be another one by the time its Pod is made: its limits may be lower."""
    status = TaskStatus(resources=Resources({"cpu": 1000}, {"cpu": 800}))
    assert assigned(Template(worker(cpu=100), Placement(), (), ()), status).requests["cpu"] == 100


MODEST = Resources({"cpu": 100, "memory": 64 * MI}, {"cpu": 50, "memory": 32 * MI}, percentile=100)
KILLED = pod(Phase.FAILED, started=NOW - 4, finished=NOW, exit_code=137, end_reason="OOMKilled")


def use(memory: float) -> Usage:
    return Usage(3, 40, memory, None, 30, NOW)


def test_a_kill_below_what_is_declared_is_free_and_the_next_attempt_asks_for_that() -> None:
    """No failure, no disruption, no wait; an Event says it."""
    first, second = decide(task(replace(RUNNING, resources=MODEST)), KILLED, usage=use(33 * MI))
    assert isinstance(first, WriteStatus)
    status = first.status
    assert (status.state, status.reason, status.failures, status.disruptions) == (State.PENDING, "OOMKilled", 0, 0)
    assert status.not_before is None
    assert status.resources is not None
    assert status.resources.killed == 32 * MI
    assert isinstance(second, Emit)
    assert second.reason == "OOMBelowDeclared"


def test_it_is_free_once() -> None:
    """What was killed once spends an attempt the next time, whatever it asks for."""
    again = replace(RUNNING, resources=replace(MODEST, killed=32 * MI))
    assert written(decide(task(again), KILLED)).failures == 1


def test_a_kill_at_the_declared_limit_spends_an_attempt() -> None:
    """It was seen there: less to ask for was not its end. Without a sign of that the doubt is the Task's."""
    limited = Worker(b"", {"cpu": 100, "memory": 64 * MI}, limit=64 * MI)
    one = task(replace(RUNNING, resources=MODEST), worker=limited)
    assert written(decide(one, KILLED, usage=use(64 * MI))).failures == 1
    assert written(decide(one, KILLED, usage=use(40 * MI))).failures == 0
    assert written(decide(task(RUNNING, worker=limited), KILLED)).failures == 1


def test_who_is_evicted_for_memory_comes_back_with_what_is_declared() -> None:
    """A kubelet that is short of memory evicts first who uses more than it asked for: not again and again."""
    words = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi."
    evicted = pod(
        Phase.FAILED, started=NOW - 4, disruption="TerminationByKubelet", end_reason="Evicted", end_message=words
    )
    status = written(decide(task(replace(RUNNING, resources=MODEST)), evicted))
    assert (status.failures, status.disruptions) == (0, 1)
    assert status.resources is not None
    assert status.resources.killed == 32 * MI
    disk = replace(evicted, end_message=words.replace("memory", "ephemeral-storage"))
    other = written(decide(task(replace(RUNNING, resources=MODEST)), disk))
    assert other.resources is not None
    assert other.resources.killed is None


def test_what_was_killed_keeps_its_mark_through_further_attempts() -> None:
    """Also through those that fail for another reason."""
    marked = replace(MODEST, killed=32 * MI)
    failed = pod(Phase.FAILED, started=NOW - 4, finished=NOW, exit_code=1)
    status = written(decide(task(replace(RUNNING, resources=marked)), failed))
    again = written(decide(task(replace(status, not_before=None)), decision=PLACED))
    assert again.resources is not None
    assert again.resources.killed == 32 * MI


def test_the_end_says_what_was_used() -> None:
    """In the write of the end, and only where it was measured."""
    done = pod(Phase.SUCCEEDED, started=NOW - 4, finished=NOW, exit_code=0, requests={"cpu": 100, "memory": 64 * MI})
    status = written(decide(task(RUNNING), done, usage=use(33 * MI)))
    assert status.resources is not None
    assert status.resources.used == {"cpu": 40, "memory": 33 * MI}
    assert not status.resources.learned
    assert written(decide(task(RUNNING), done)).resources is None
    assert written(decide(task(RUNNING), done, usage=replace(use(1), samples=1))).resources is None


def test_the_expected_end_comes_with_running() -> None:
    """By how long the class takes; where that is not known nothing is said."""
    running = pod(Phase.RUNNING, started=NOW - 1)
    assert written(decide(task(ASSIGNED), running, takes=60.0)).expected_end == NOW + 59
    assert written(decide(task(ASSIGNED), running)).expected_end is None


def test_a_refusal_of_less_than_declared_is_tried_as_declared_at_once() -> None:
    """A LimitRange may have a minimum; a quota is waited for, since as declared it would be exceeded all the more."""
    modest = replace(ASSIGNED, resources=MODEST)
    for message, waits in (("minimum memory usage per Container is 64Mi", False), ("exceeded quota: q", True)):
        status = written(decide(task(modest), refusal=Refusal(1, invalid=False, message=message)))
        assert (status.state, status.reason) == (State.PENDING, Reason.POD_CREATE_FORBIDDEN)
        assert (status.not_before is not None) is waits
        again = decide(task(status))
        assert any(isinstance(item, Requeue) for item in again) is waits
