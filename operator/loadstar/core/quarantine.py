"""Nodes that are kept out of the way because Tasks fail there at once.

Such a node looks idle and would swallow one Task after another. It takes failures of Tasks whose class succeeds on
other nodes, so that Tasks that fail everywhere close no node. All is read from the Tasks' own records, so it is the
same after a restart, but for how often a node was quarantined before.
"""

from __future__ import annotations

from bisect import insort
from typing import Final

from loadstar.core.model import Task
from loadstar.core.reasons import Reason
from loadstar.core.states import State

STRIKES: Final = 3
WITHIN_SECONDS: Final = 60.0
"""So many failures in so many seconds; a failure counts that came as soon after its start."""
FIRST_MINUTES: Final = 2
MOST_DOUBLINGS: Final = 6
"""The n-th quarantine in a row lasts 2^n minutes, at most about an hour."""
FORGIVEN_SECONDS: Final = 3600.0
"""After so long without trouble the next one is the first again."""
KEPT: Final = 16
CLASSES: Final = 10_000

_SUDDEN: Final = {Reason.WORKER_FAILED, Reason.MISCONFIGURED, Reason.NODE_REFUSED}


class Quarantine:
    """Which nodes are quarantined, and until when."""

    def __init__(self) -> None:
        self._failures: dict[str, list[tuple[float, str, str]]] = {}
        self._successes: dict[str, list[str]] = {}
        self._sentences: dict[str, tuple[int, float]] = {}

    def read(self, task: Task, name: str) -> dict[str, float]:
        """Take in how the attempts of a Task of this class ended, however often. Nodes that are quarantined for it."""
        status = task.status
        touched: set[str] = set()
        for attempt in status.attempts:
            ended = attempt.finished
            if attempt.reason not in _SUDDEN or ended is None or not attempt.node:
                continue
            if ended - (ended if attempt.started is None else attempt.started) <= WITHIN_SECONDS:
                self._fail(attempt.node, ended, name, f"{task.uid}/{attempt.attempt}")
                touched.add(attempt.node)
        if status.state is State.SUCCESS and status.assigned_to and self._succeed(status.assigned_to, name):
            touched.update(node for node, ends in self._failures.items() if any(end[1] == name for end in ends))
        return {node: until for node in touched if (until := self._judge(node)) is not None}

    def _fail(self, node: str, ended: float, name: str, identity: str) -> None:
        ends = self._failures.setdefault(node, [])
        end = (ended, name, identity)
        if end not in ends and ended > self._sentences.get(node, (0, 0.0))[1]:
            insort(ends, end)
            del ends[:-KEPT]

    def _succeed(self, node: str, name: str) -> bool:
        """True when it is news that the class succeeds there; two nodes are enough to know one that is another."""
        nodes = self._successes.setdefault(name, [])
        if node in nodes or len(nodes) > 1:
            return False
        nodes.append(node)
        if len(self._successes) > CLASSES:
            del self._successes[next(iter(self._successes))]
        return True

    def _judge(self, node: str) -> float | None:
        """Until when the node is quarantined from now on; None when nothing new speaks against it."""
        ends = [end for end in self._failures.get(node, ()) if set(self._successes.get(end[1], ())) - {node}]
        for first, last in zip(ends, ends[STRIKES - 1 :], strict=False):
            if last[0] - first[0] <= WITHIN_SECONDS:
                times, before = self._sentences.get(node, (0, float("-inf")))
                times = min(MOST_DOUBLINGS, times + 1 if last[0] - before <= FORGIVEN_SECONDS else 1)
                until = last[0] + 60.0 * float(FIRST_MINUTES**times)
                self._sentences[node] = times, until
                self._failures[node] = [end for end in self._failures[node] if end[0] > until]
                return until
        return None
