"""Quantities as whole numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.quantity import amount, parse, show, total


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cpu", "250m", 250),
        ("cpu", "1.5", 1500),
        ("cpu", "123456n", 1),
        ("cpu", 2, 2000),
        ("memory", "1Gi", 2**30),
        ("memory", "1e3", 1000),
        ("memory", "5E", 5 * 10**18),
        ("memory", "100E", 2**63 - 1),
        ("nvidia.com/gpu", "2", 2),
    ],
)
def test_amount(name: str, text: str | int, value: int) -> None:
    """CPU counts in millicores, the rest in base units; rounded up and capped."""
    assert amount(name, text) == value


@pytest.mark.parametrize("text", ["", "much", "1.2.3", "NaN", "Infinity", "1Xi", "--1"])
def test_nonsense_is_refused(text: str) -> None:
    """What is no quantity raises and says what one looks like."""
    with pytest.raises(ValueError, match="quantity"):
        parse(text)


@given(st.lists(st.dictionaries(st.sampled_from(["cpu", "memory"]), st.integers(0, 10**9)), max_size=5))
def test_total_is_the_sum_by_name(parts: list[dict[str, int]]) -> None:
    """Each name's sum is what its parts sum to."""
    for name, value in total(parts).items():
        assert value == sum(part.get(name, 0) for part in parts)


def test_show_is_short() -> None:
    """People read 250m, 2, 64Mi."""
    assert [show("cpu", 250), show("cpu", 2000), show("memory", 64 * 2**20)] == ["250m", "2", "64Mi"]
