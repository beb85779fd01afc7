"""What is said of a queue: counts that add up, and conditions that say which limit is reached."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.occupancy import Occupancy, QueueStatus
from loadstar.core.queues import Limits, TaskQueue
from tests.unit.core.builders import GI, NOW

QUEUE = TaskQueue("ns", "q", generation=3)


def status(queue: TaskQueue = QUEUE, *, holding: int = 0, before: QueueStatus | None = None) -> QueueStatus:
    """Of a queue with so many Tasks of half a core and a GiB on nodes."""
    found = Occupancy()
    for _ in range(holding):
        found.hold({"cpu": 500, "memory": GI, "example.com/gpu": 1})
    return found.status(queue, 0, before.conditions if before else (), NOW if before is None else NOW + 60)


@given(st.lists(st.tuples(st.sampled_from(["Queued", "BackingOff", "Suspended"]), st.integers(0, 100))))
def test_reasons_add_up(waits: list[tuple[str, int]]) -> None:
    """Each waiting Task counts once, the most frequent reason comes first, and the oldest wait is the oldest."""
    found = Occupancy()
    for reason, since in waits:
        found.wait(reason, None if reason == "Suspended" else float(since))
    said = found.status(QUEUE, 0, (), NOW)
    assert said.pending == len(waits) == sum(count for _, count in said.reasons)
    assert [count for _, count in said.reasons] == sorted((count for _, count in said.reasons), reverse=True)
    assert said.oldest == min((since for reason, since in waits if reason != "Suspended"), default=None)


def test_used_is_what_pods_request() -> None:
    """CPU and memory of Tasks with a node; other resources have no place in the status."""
    said = status(holding=3)
    assert (said.running, said.used, said.generation) == (3, {"cpu": 1500, "memory": 3 * GI}, 3)


def test_conditions_say_what_keeps_tasks_out() -> None:
    """Suspended is Active: False; a limit that is reached is WithinLimits: False, with the numbers of all limits."""
    assert [(c.type, c.status) for c in status().conditions] == [("Active", "True")]
    (active,) = status(TaskQueue("ns", "q", suspend=True)).conditions
    assert (active.status, active.reason) == ("False", "Suspended")
    limited = TaskQueue("ns", "q", limits=Limits(4, {"cpu": 1500}))
    _, below = status(limited, holding=2).conditions
    assert (below.status, below.message) == ("True", "2 of 4 running, cpu 1 of 1500m")
    _, reached = status(limited, holding=3).conditions
    assert (reached.status, reached.reason, reached.message) == (
        "False",
        "LimitReached",
        "3 of 4 running, cpu 1500m of 1500m",
    )
    _, reached = status(TaskQueue("ns", "q", limits=Limits(1)), holding=1).conditions
    assert reached.status == "False"


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    """Only another status moves lastTransitionTime; a status that is the same but for the time is no news."""
    limited = TaskQueue("ns", "q", limits=Limits(2))
    first = status(limited, holding=1)
    same = status(limited, holding=1, before=first)
    assert same == first
    full = status(limited, holding=2, before=first)
    assert [c.changed for c in full.conditions] == [NOW, NOW + 60]
