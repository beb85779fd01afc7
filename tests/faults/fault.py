"""Faults by name, and when each of them strikes. Pure: the proxy asks at every request and every watch event.

A fault counts itself as done before it strikes: the operator that is started again must not die at the same point.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

UPDATES = frozenset({"PATCH", "PUT", "DELETE"})
_NAME = re.compile(r"(?P<kind>[a-z]+(-[a-z]+)*?)(-(?P<stream>tasks|pods))?(-(?P<at>\d+))?(x(?P<times>\d+))?")


class Kind(StrEnum):
    """What can be done to an operator."""

    CLEAN = "clean"
    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"
    STALE_LIST = "stale-list-after"
    ERROR = "error"
    RESET = "reset"
    LOST_REPLY = "lost-reply"
    CONFLICT = "conflict"
    RIVAL = "rival"
    THROTTLE = "throttle"
    THROTTLE_LONG = "throttle-long"
    BUDGET = "budget"
    DELAY = "delay"
    SPLIT = "split"
    REST = "rest"
    FREEZE = "freeze"
    CUT = "cut"
    GONE_EVENT = "gone-event"
    GONE_HTTP = "gone-http"
    DROP = "drop"
    DOUBLE = "double"
    SWAP = "swap"
    LATE = "late"
    CLOCK_AHEAD = "clock-ahead"
    CLOCK_BEHIND = "clock-behind"
    CLOCK_JUMP = "clock-jump"


ABOUT = {
    Kind.CLEAN: "nothing is done",
    Kind.CRASH_BEFORE: "F1: SIGKILL when mutating request N arrives; it is not forwarded",
    Kind.CRASH_AFTER: "F2: SIGKILL after request N was applied; the reply is lost",
    Kind.STALE_LIST: "F6: as F2; the next operator's first lists of Tasks and Pods are of when the Task was created",
    Kind.ERROR: "F3: request N (and the next ones, xM) is answered 500",
    Kind.RESET: "F3: the connection of request N (and the next ones, xM) is reset; it is not forwarded",
    Kind.LOST_REPLY: "F3: request N is applied, then its connection reset",
    Kind.CONFLICT: "F4: the first update from request N on (and the next ones, xM) is answered 409",
    Kind.RIVAL: "F4: somebody else writes the Task just before its first update from request N on",
    Kind.THROTTLE: "F5: request N is answered 429 with Retry-After 1",
    Kind.THROTTLE_LONG: "F5: for M seconds from request N on, all are answered 429 with Retry-After 1",
    Kind.BUDGET: "the first M deletions of a Pod are answered 429 with the cause DisruptionBudget",
    Kind.DELAY: "request N is forwarded M seconds late, when the operator no longer waits for it",
    Kind.SPLIT: "F18: SIGSTOP when request N arrives; it goes on, and so does the operator, once another one leads",
    Kind.REST: "nothing is done; at the end N seconds are watched in which nothing may be written",
    Kind.FREEZE: "F7: after event N the watch stays open and silent",
    Kind.CUT: "F7: event N arrives by half, then the watch ends",
    Kind.GONE_EVENT: "F8: after event N the watch says ERROR 410",
    Kind.GONE_HTTP: "F8: after event N the watch ends, and the next one is answered 410",
    Kind.DROP: "F9: event N never arrives",
    Kind.DOUBLE: "F9: event N arrives twice",
    Kind.SWAP: "F9: event N arrives after the next one, or a second later",
    Kind.LATE: "F9: event N and all after it arrive two seconds late, so after those of the other kind",
    Kind.CLOCK_AHEAD: "F19: the operator's wall clock is ten minutes ahead",
    Kind.CLOCK_BEHIND: "F19: the operator's wall clock is ten minutes behind",
    Kind.CLOCK_JUMP: "F19: the operator's wall clock jumps from ten minutes ahead to ten minutes behind at request N",
}
CLOCKS = frozenset({Kind.CLOCK_AHEAD, Kind.CLOCK_BEHIND, Kind.CLOCK_JUMP})
LATE_WRITES = frozenset({Kind.SPLIT, Kind.DELAY})
"""A write is on its way when its sender no longer counts on it."""
HARMLESS = frozenset({Kind.CLEAN, Kind.REST})


class UnknownFaultError(ValueError):
    """No fault has that name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where it strikes (`at`, from 1), how often or how long (`times`), on which watch (`stream`)."""

    kind: Kind = Kind.CLEAN
    at: int = 0
    times: int = 1
    stream: str = ""

    @property
    def name(self) -> str:
        """Such as crash-after-3, error-2x3, drop-pods-4."""
        parts = [self.kind.value, self.stream, str(self.at or "")]
        return "-".join(filter(None, parts)) + (f"x{self.times}" if self.times != 1 else "")

    @classmethod
    def parse(cls, name: str) -> Fault:
        """The fault of that name. Raises UnknownFaultError."""
        match = _NAME.fullmatch(name)
        if match is None or match["kind"] not in set(Kind):
            raise UnknownFaultError(f"no fault is called {name!r}; there are {', '.join(Kind)}")
        return cls(Kind(match["kind"]), int(match["at"] or 0), int(match["times"] or 1), match["stream"] or "")


@dataclass(slots=True)
class Plan:
    """One fault over the run of one operator, restarts included."""

    fault: Fault
    requests: int = 0
    struck: int = 0
    _first: float | None = None
    _deletions: int = 0

    def request(self, method: str, path: str, now: float) -> tuple[int, Kind]:
        """Number a mutating request; returns its number and what is to be done to it."""
        self.requests += 1
        number, kind = self.requests, self._kind(method, path, now)
        if kind is not Kind.CLEAN:
            self.struck += 1
        return number, kind

    def event(self, stream: str, number: int) -> Kind:
        """What is to be done with watch event `number` of a stream."""
        fault = self.fault
        if not fault.stream or stream != fault.stream:
            return Kind.CLEAN
        hit = number >= fault.at if fault.kind is Kind.LATE else number == fault.at and not self.struck
        if hit:
            self.struck += 1
        return fault.kind if hit else Kind.CLEAN

    def _kind(self, method: str, path: str, now: float) -> Kind:
        fault, number = self.fault, self.requests
        within = fault.at <= number < fault.at + fault.times
        match fault.kind:
            case Kind.ERROR | Kind.RESET | Kind.LOST_REPLY | Kind.THROTTLE:
                hit = within
            case Kind.CONFLICT:
                hit = number >= fault.at and self.struck < fault.times and method in UPDATES
            case Kind.RIVAL:
                hit = number >= fault.at and not self.struck and method in UPDATES and "/tasks/" in path
            case Kind.THROTTLE_LONG:
                if number == fault.at:
                    self._first = now
                hit = self._first is not None and now - self._first < fault.times
            case Kind.BUDGET:
                deletion = method == "DELETE" and "/pods/" in path
                self._deletions += deletion
                hit = deletion and self._deletions <= fault.times
            case Kind.REST:
                hit = False
            case _ if fault.stream:
                hit = False
            case _:
                hit = number == fault.at and not self.struck
        return fault.kind if hit else Kind.CLEAN
