"""What follows after an attempt has ended without success: the rule that holds, the wait, the memory, the nodes.

Which statuses are written for it is `steps`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from loadstar.core.ending import End, Verdict
from loadstar.core.model import Pod, Task, TaskStatus
from loadstar.core.reasons import Reason
from loadstar.core.records import trailing
from loadstar.core.rules import FAILURES, MOST_GROWTH, Action, first

JITTER: Final = 0.2
"""Waits are longer or shorter by up to this share, so that Tasks that failed together do not come back together."""
_USUAL: Final = {Verdict.FAILURE: Action.RETRY, Verdict.DEADLINE: Action.FAIL, Verdict.DISRUPTION: Action.IGNORE}
_RAN: Final = (*FAILURES, Reason.DEADLINE_EXCEEDED)


@dataclass(frozen=True, slots=True)
class Sequel:
    """What follows. `rule`: the words that name the rule, empty when none held; `memory_factor`: as the rule's."""

    action: Action
    rule: str = ""
    memory_factor: float = 1.0


def sequel(task: Task, pod: Pod, end: End) -> Sequel:
    """By the first of the Task's rules that holds for this end, else as usual."""
    found = first(task.retry.rules, end.reason, pod.exit_code)
    if found is None:
        return Sequel(_USUAL[end.verdict])
    index, rule = found
    return Sequel(rule.action, f"retry.rules[{index}] ({rule.words()})", rule.memory_factor)


def back_off(task: Task, failures: int) -> float:
    """Seconds to wait after so many failures: initial·factor^(failures-1), spread by the jitter, at most the maximum.

    The spread is a function of the Task and the attempt: whoever asks again gets the same wait.
    """
    policy = task.retry.backoff
    exponent = min(failures - 1, 64)
    middle = min(policy.max_seconds / (1 + JITTER), policy.initial_seconds * policy.factor**exponent)
    return middle * (1 + JITTER * _spread(f"{task.uid}/{task.status.attempt}"))


def ignored_in_a_row(status: TaskStatus, reason: Reason) -> int:
    """After how many ends of this kind in a row an ignored one comes, itself included: its wait grows by it."""
    return trailing(status, reason) + 1


def more_memory(status: TaskStatus, factor: float) -> float:
    """How many times what it declares a Task gets as memory after one more kill for it, bounded."""
    return min(MOST_GROWTH, memory_factor(status) * factor)


def memory_factor(status: TaskStatus) -> float:
    """How many times what it declares a Task gets as memory."""
    return 1.0 if status.resources is None else status.resources.memory_factor


def failed_on(task: Task) -> tuple[str, ...]:
    """Nodes on which attempts of the Task failed, of those on record: they are tried last."""
    if not task.retry.avoid_failed_nodes:
        return ()
    return tuple(attempt.node for attempt in task.status.attempts if attempt.reason in _RAN and attempt.node)


def _spread(text: str) -> float:
    """A number from -1 to 1 that looks like chance."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) / (2**31) - 1
