"""What must hold at every event of a history (reliability.md §1.5). Pure: each returns its violations in words.

They know no scenario. That each of them can fail is shown in tests/unit/faults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.faults.history import Event, ordered
from tests.faults.invariants import pods, tasks
from tests.faults.invariants.facts import Check, Facts

__all__ = ["CHECKS", "Facts", "violations"]

CHECKS: Mapping[str, Check] = {
    "I1": pods.one_live_pod,
    "I2": tasks.legal_moves,
    "I3": tasks.final_is_final,
    "I4": pods.ended_without_live_pods,
    "I5": pods.owned,
    "I6": tasks.none_lost,
    "I9": pods.failures_counted,
    "I10": tasks.quiet_at_rest,
    "I11": tasks.bounded_writes,
    "I12": tasks.generations,
    "I13": pods.open_nodes,
    "I14": tasks.metrics_agree,
}


def violations(events: Sequence[Event], facts: Facts) -> list[str]:
    """All that is wrong with a history."""
    sequence = ordered(events)
    return [line for check in CHECKS.values() for line in check(sequence, facts)]
