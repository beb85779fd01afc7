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
SLOW = frozenset({Kind.FREEZE, Kind.THROTTLE_LONG})
"""What takes a minute and more; one scenario shows it."""
SLOW_IN = "retry"
CLOCKED = ("single", "retry", "deadline", "pending-deadline", "suspend-running")
HELD_BACK = ("two", "cancel-running", "no-retention", "suspend-running")
"""Scenarios in which the operator deletes a Pod."""
SUBSET_CRASHES = (Kind.CRASH_BEFORE, Kind.CRASH_AFTER)


def parse(name: str) -> tuple[Scenario, Fault]:
    """The case of that name. Raises UnknownFaultError."""
    scenario, _, fault = name.partition("/")
    if scenario not in BY_NAME:
        raise UnknownFaultError(f"no scenario is called {scenario!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[scenario], Fault.parse(fault)


def crashes(requests: Sequence[Asked]) -> Iterator[Fault]:
    """F1 and F2: before and after every mutating request."""
    for asked in requests:
        for kind in SUBSET_CRASHES:
            yield Fault(kind, asked.number)


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
