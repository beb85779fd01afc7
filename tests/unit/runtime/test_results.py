"""Results in memory: the newest, within a bound, and of the others that there are some."""

from __future__ import annotations

from loadstar.runtime.results import Results


def test_memory_is_bounded_and_nothing_is_denied() -> None:
    """What had to go is still known to exist: it is to be read, and not to be taken for absent."""
    results = Results(most=1000)
    for number in range(100):
        results.put(("ns", f"t{number}"), f"u{number}", "x" * 50)
    found = [results.get(("ns", f"t{number}"), f"u{number}".ljust(8, "_")) for number in range(100)]
    assert all(left for left, _ in found)
    kept = [text for _, text in found if text is not None]
    assert 5 <= len(kept) <= 20
    assert found[-1] == (True, "x" * 50)


def test_a_result_is_of_one_task() -> None:
    """Another Task of the name has another mark; who is forgotten has none."""
    results = Results()
    results.put(("ns", "a"), "0123456789", "one")
    results.put(("ns", "a"), "0123456789", "one")
    assert results.get(("ns", "a"), "01234567") == (True, "one")
    assert results.get(("ns", "a"), "98765432") == (False, None)
    results.forget(("ns", "a"))
    assert results.get(("ns", "a"), "01234567") == (False, None)
