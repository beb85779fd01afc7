"""What users do to their Tasks, many stories at once, each in a namespace of its own; then rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.e2e import control, edits
from tests.e2e.conftest import Kubectl, Tasks, fresh_namespace, task
from tests.e2e.history import History
from tests.e2e.writes import Writes

QUIET_SECONDS = 4
SCENARIOS: tuple[Callable[[Tasks, History], None], ...] = (
    control.cancel,
    control.suspend_and_resume,
    control.disruption_limit,
    control.pod_retention,
    control.pending_deadline,
    edits.immutable_fields,
    edits.made_again_at_once,
)


def test_scenarios(kubectl: Kubectl) -> None:
    """Each scenario's rule holds while all of them run at once, and no history breaks a rule.

    At the end, with Tasks in every state that stay there, the operator writes nothing at all.
    """
    with ExitStack() as stack, ThreadPoolExecutor(len(SCENARIOS)) as pool:
        histories: dict[str, History] = {}
        runs: dict[str, Future[None]] = {}
        for scenario in SCENARIOS:
            space = stack.enter_context(fresh_namespace(kubectl))
            history = histories[scenario.__name__] = stack.enter_context(History(space))
            runs[scenario.__name__] = pool.submit(scenario, Tasks(kubectl, space), history)
        broken = {name: str(error) for name, run in runs.items() if (error := run.exception())}
        assert broken == {}
        writes = Writes(kubectl)
        before = writes.rest()
        time.sleep(QUIET_SECONDS)
        assert writes.count() == before, "the operator writes while nothing happens"
        assert {name: text for name, history in histories.items() if (text := history.violations())} == {}


@pytest.mark.battery
@pytest.mark.usefixtures("history")
def test_finished_pods_are_few(tasks: Tasks) -> None:
    """Of a Task that failed often, the Pods of the last five attempts stay, as the attempts on record do."""
    tasks.apply(task("many", "exit 1", retry={"limit": 7, "backoff": {"initialSeconds": 1, "factor": 1}}))
    status = tasks.wait_terminal(90)["many"]["status"]
    end = time.monotonic() + 20
    while len(pods := tasks.pods()) > 5:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert status["attempt"] == 8
    assert {pod["metadata"]["name"] for pod in pods} == {item["pod"] for item in status["attempts"]}
