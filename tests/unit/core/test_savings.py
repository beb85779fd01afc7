"""What is declared and not asked for, what could be, and when that is worth a word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadstar.core.quantity import CPU, MEMORY
from loadstar.core.savings import Live, recommendation, roughly, savings
from tests.unit.core.builders import GI, NOW

DECLARED = {CPU: 2000, MEMORY: 4 * GI}
USED = {CPU: 500, MEMORY: GI}
WASTE = Live(("ns", "c"), DECLARED, DECLARED, USED)


def test_what_is_spared_and_what_could_be() -> None:
    """Neither counts twice; where nothing is declared nothing is spared."""
    found = savings([WASTE, replace(WASTE, requested=USED), Live(("ns", "d"), {}, USED, USED)])
    assert (found.tasks, found.classes) == (3, 1)
    assert found.declared == {CPU: 4000, MEMORY: 8 * GI}
    assert found.spared == found.possible == {CPU: 1500, MEMORY: 3 * GI}


def test_a_recommendation_says_what_would_be_free() -> None:
    """The time is that of the first time it was said."""
    told = recommendation(savings([WASTE] * 3), None, NOW)
    assert told is not None
    assert (told.type, told.status, told.reason) == ("RequestsFit", "False", "DeclaredTooLarge")
    assert "4500m of 6 CPU and 9Gi of 12Gi memory would be free" in told.message
    again = recommendation(savings([WASTE] * 3), told, NOW + 60)
    assert again == told


def test_little_is_not_worth_a_word() -> None:
    """Neither a tenth of little nor a little of much."""
    fits = Live(("ns", "c"), DECLARED, DECLARED, {CPU: 1950, MEMORY: 4 * GI})
    assert recommendation(savings([fits] * 100), None, NOW) is None
    tiny = Live(("ns", "c"), {CPU: 100, MEMORY: 2**27}, {CPU: 100, MEMORY: 2**27}, {CPU: 10, MEMORY: 2**24})
    assert recommendation(savings([tiny]), None, NOW) is None
    assert recommendation(savings([]), None, NOW) is None


@pytest.mark.parametrize(
    ("name", "value", "text"), [(CPU, 12345, "12"), (CPU, 0, "0"), (MEMORY, 12345 * 2**20, "12Gi"), (CPU, 7, "7m")]
)
def test_what_changes_by_little_is_no_news(name: str, value: int, text: str) -> None:
    """A digit or two are enough."""
    assert roughly(name, value) == text
