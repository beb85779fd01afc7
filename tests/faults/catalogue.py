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
RELISTED = ("single", "retry", "cancel-running", "recreate")
"""Scenarios in which each event is followed by the end of its watch."""
CLOCKED = ("single", "retry", "deadline", "pending-deadline", "suspend-running")
HELD_BACK = ("two", "cancel-running", "no-retention", "suspend-running", "preempted")
"""Scenarios in which the operator deletes a Pod."""
ALONE = ("success-unseen",)
"""Scenarios in which no operator may be there: with a second one somebody sees what nobody should."""
SAMPLED_IN = "single"
SAMPLES = (
    "crash-before-1",
    "error-2x3",
    "lost-reply-2",
    "conflict-3",
    "rival-1",
    "throttle-2",
    "stale-list-after-4",
    "split-2",
    "drop-pods-2",
    "double-tasks-2",
    "gone-event-pods-2",
    "gone-http-tasks-1",
    "cut-pods-3",
    "clock-ahead",
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
    """Every fault of a scenario with this clean run; a variant of a main scenario is spared what repeats."""
    yield from crashes(requests)
    for asked in requests:
        yield from (fault for fault in _at_request(asked) if fault.kind is not Kind.SPLIT or scenario.name not in ALONE)
        if scenario.main:
            yield from _at_request_of_main(asked)
    for stream in STREAMS if scenario.main else ():
        kinds = [Kind.DROP, Kind.DOUBLE, Kind.SWAP]
        kinds += [Kind.GONE_EVENT, Kind.GONE_HTTP, Kind.CUT] if scenario.name in RELISTED else []
        for number in range(1, streams.get(stream, 0) + 1):
            yield from (Fault(kind, number, stream=stream) for kind in kinds)
        if streams.get(stream):
            yield Fault(Kind.LATE, 1, stream=stream)
    if scenario.name == SLOW_IN:
        yield from (Fault(Kind.FREEZE, 2, stream=stream) for stream in STREAMS)
        yield Fault(Kind.THROTTLE_LONG, 2, LONG_SECONDS)
        yield Fault(Kind.REST, REST_SECONDS)
        yield from (Fault(Kind.DELAY, asked.number, DELAY_SECONDS) for asked in requests)
    if scenario.name in CLOCKED:
        yield from (Fault(Kind.CLOCK_AHEAD), Fault(Kind.CLOCK_BEHIND), Fault(Kind.CLOCK_JUMP, 2))
    if scenario.name in HELD_BACK:
        yield Fault(Kind.BUDGET, 0, 2)


def _at_request(asked: Asked) -> Iterator[Fault]:
    yield Fault(Kind.LOST_REPLY, asked.number)
    yield Fault(Kind.SPLIT, asked.number)
    if asked.method in UPDATES:
        yield Fault(Kind.CONFLICT, asked.number)


def _at_request_of_main(asked: Asked) -> Iterator[Fault]:
    number = asked.number
    for kind in (Kind.ERROR, Kind.RESET):
        yield Fault(kind, number)
        yield Fault(kind, number, 3)
    yield Fault(Kind.LOST_REPLY, number, 3)
    yield Fault(Kind.THROTTLE, number)
    yield Fault(Kind.STALE_LIST, number)
    if asked.method in UPDATES:
        yield Fault(Kind.CONFLICT, number, IN_A_ROW)
    if asked.method in UPDATES and "/tasks/" in asked.path:
        yield Fault(Kind.RIVAL, number)
