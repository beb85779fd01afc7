"""What a user wants to follow after an attempt that ended in a certain way: ordered rules, of which the first holds.

What follows where no rule holds is `retries`'.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from loadstar.core.reasons import Reason


class Action(StrEnum):
    """FAIL: the Task ends. RETRY: one of `retry.limit` is spent. IGNORE: free, as a disruption is."""

    FAIL = "Fail"
    RETRY = "Retry"
    IGNORE = "Ignore"


FAILURES: Final = (Reason.WORKER_FAILED, Reason.OOM_KILLED, Reason.STORAGE_EXCEEDED, Reason.MISCONFIGURED)
"""Ends of its own doing: what a rule that names exit codes alone is about."""
RULED: Final = (*FAILURES, Reason.DEADLINE_EXCEEDED, Reason.DISRUPTED, Reason.POD_LOST)
"""Ends that a rule may name."""
MOST_GROWTH: Final = 8.0
"""Memory grows to so many times what is declared at most, over all attempts."""


@dataclass(frozen=True, slots=True)
class EndRule:
    """Holds for one of the `reasons` (none: any failure of its own) with one of the `exit_codes` (none: any).

    An exit code alone never speaks of a disruption: 137 is an eviction as well as the OOM killer. `memory_factor`: by
    how much memory grows with each kill for it.
    """

    action: Action
    exit_codes: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    memory_factor: float = 1.0

    def holds(self, reason: str, exit_code: int | None) -> bool:
        """Whether it is about such an end."""
        return reason in (self.reasons or FAILURES) and (not self.exit_codes or exit_code in self.exit_codes)

    def words(self) -> str:
        """What it says, in short: "exitCodes 42, reasons WorkerFailed: Fail"."""
        codes, reasons = ", ".join(map(str, self.exit_codes)), ", ".join(self.reasons)
        parts = [f"exitCodes {codes}"] * bool(codes) + [f"reasons {reasons}"] * bool(reasons)
        return f"{', '.join(parts)}: {self.action}"


def first(rules: Iterable[EndRule], reason: str, exit_code: int | None) -> tuple[int, EndRule] | None:
    """The first rule that holds, with its index; None when none does."""
    return next(((index, rule) for index, rule in enumerate(rules) if rule.holds(reason, exit_code)), None)
