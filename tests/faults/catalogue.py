"""Which cases there are: for a scenario whose clean run is known, every point at which each fault can strike.

Pure. A case's name is SCENARIO/FAULT; the same name is the same case, on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.faults.fault import UPDATES, Fault, Kind, UnknownFaultError
from tests.faults.proxy import Asked
from tests.faults.scenarios import BY_NAME, Scenario

STREAMS = ("tasks", "pods")
IN_A_ROW = 20
LONG_SECONDS = 30
REST_SECONDS = 60
DELAY_SECONDS = 12
"""Longer than the operator waits for an answer."""
SLOW_IN = "retry"
"""What takes a minute and more is shown in one scenario."""
CLOCKED = ("single", "retry", "deadline", "pending-deadline", "suspend-running")
HELD_BACK = ("two", "cancel-running", "no-retention", "suspend-running")
"""Scenarios in which the operator deletes a Pod."""
SAMPLED_IN = "single"
SAMPLES = (
    *("crash-before-1", "error-2x3", "lost-reply-2", "conflict-3", "rival-1", "throttle-2", "stale-list-after-4"),
    *(
        "split-2",
        "drop-pods-2",
        "double-tasks-2",
        "gone-event-pods-2",
        "gone-http-tasks-1",
        "cut-pods-3",
        "clock-ahead",
    ),
)
"""One of each kind of fault that takes no minute."""


def parse(name: str) -> tuple[Scenario, Fault]:
    """The case of that name. Raises UnknownFaultError."""
    scenario, _, fault = name.partition("/")
    if scenario not in BY_NAME:
        raise UnknownFaultError(f"no scenario is called {scenario!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[scenario], Fault.parse(fault)


def crashes(requests: Sequence[Asked]) -> Iterator[Fault]:
    """F1 and F2: before and after every mutating request."""
    for asked in requests:
        yield Fault(Kind.CRASH_BEFORE, asked.number)
        yield Fault(Kind.CRASH_AFTER, asked.number)


def subset(scenario: Scenario, requests: Sequence[Asked]) -> Iterator[Fault]:
    """A part that fits into every test run: after every request, which is before the next one; a bit of the rest."""
    yield from (Fault(Kind.CRASH_AFTER, asked.number) for asked in requests)
    if scenario.name == SAMPLED_IN:
        yield from map(Fault.parse, SAMPLES)


def faults(scenario: Scenario, requests: Sequence[Asked], streams: Mapping[str, int]) -> Iterator[Fault]:
    """Every fault of a scenario with this clean run."""
    yield from crashes(requests)
    for asked in requests:
        yield from _at_request(asked)
    for stream in STREAMS:
        for number in range(1, streams.get(stream, 0) + 1):
            for kind in (Kind.DROP, Kind.DOUBLE, Kind.SWAP, Kind.GONE_EVENT, Kind.GONE_HTTP, Kind.CUT):
                yield Fault(kind, number, stream=stream)
        yield Fault(Kind.LATE, 1, stream=stream)
    if scenario.name == SLOW_IN:
        for stream in STREAMS:
            yield Fault(Kind.FREEZE, 2, stream=stream)
        yield Fault(Kind.THROTTLE_LONG, 2, LONG_SECONDS)
        yield Fault(Kind.REST, REST_SECONDS)
        yield from (Fault(Kind.DELAY, asked.number, DELAY_SECONDS) for asked in requests)
    if scenario.name in CLOCKED:
        yield Fault(Kind.CLOCK_AHEAD)
        yield Fault(Kind.CLOCK_BEHIND)
        yield Fault(Kind.CLOCK_JUMP, 2)
    if scenario.name in HELD_BACK:
        yield Fault(Kind.BUDGET, 0, 2)


def _at_request(asked: Asked) -> Iterator[Fault]:
    number = asked.number
    for kind in (Kind.ERROR, Kind.RESET, Kind.LOST_REPLY):
        yield Fault(kind, number)
        yield Fault(kind, number, 3)
    yield Fault(Kind.THROTTLE, number)
    yield Fault(Kind.STALE_LIST, number)
    yield Fault(Kind.SPLIT, number)
    if asked.method in UPDATES:
        yield Fault(Kind.CONFLICT, number)
        yield Fault(Kind.CONFLICT, number, IN_A_ROW)
    if asked.method in UPDATES and "/tasks/" in asked.path:
        yield Fault(Kind.RIVAL, number)
