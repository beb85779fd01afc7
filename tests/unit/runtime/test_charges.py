"""A Pod takes what it requests, and is expected to use what its class does of what is declared."""

from __future__ import annotations

from loadstar.core.classes import class_of
from loadstar.core.ledger import Ledger
from loadstar.core.model import Phase, Placement, TaskStatus
from loadstar.core.placement import Placed
from loadstar.core.resources import Asks, Resources
from loadstar.core.states import State
from loadstar.core.template import Template
from loadstar.runtime import charges
from tests.unit.core.builders import NOW, pod, task, worker

OWN = worker(cpu=1000)
PLAIN = Template(OWN, Placement(), (), ())
LESS = {"cpu": 250}
MODEST = Template(OWN, Placement(), (), (), learned=Asks(LESS))


def test_a_pod_that_asks_for_less_is_no_smaller_load() -> None:
    """It takes less room, and is expected to use what its Task's declaration says."""
    one = pod(Phase.RUNNING, requests={**OWN.requests, **LESS}, started=NOW)
    charge = charges.of_pod(one, "n", MODEST, Ledger())
    assert (charge.requests["cpu"], charge.declared, charge.kind) == (250, OWN.requests, class_of(OWN))
    assert charge.reservation is not None
    assert (charge.reservation.cpu, charge.reservation.started) == (1000, NOW)


def test_a_pod_without_a_task_counts_by_itself() -> None:
    """It has no class; one that does not run yet has not begun to be measured."""
    charge = charges.of_pod(pod(Phase.PENDING, requests=LESS, started=NOW), "n", None, Ledger())
    assert (charge.kind, charge.declared) == ("", LESS)
    assert charge.reservation is not None
    assert (charge.reservation.cpu, charge.reservation.started) == (250, None)


def test_a_promise_is_what_was_decided_or_assigned() -> None:
    """Before the assignment the decision says what is asked for, after it the status does."""
    decided = Placed("n", None, (), "", fresh=True, learned=Asks(LESS))
    assert charges.of_promise(task(), "n", PLAIN, decided, Ledger()).requests["cpu"] == 250
    assert charges.of_promise(task(), "n", PLAIN, None, Ledger()).requests["cpu"] == 1000
    held = Resources(OWN.requests, {**OWN.requests, "cpu": 300})
    assigned = task(TaskStatus(State.ASSIGNED, assigned_to="n", resources=held))
    assert charges.of_promise(assigned, "n", PLAIN, decided, Ledger()).requests["cpu"] == 300
