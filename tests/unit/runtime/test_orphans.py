"""Pods whose Task is not known are found by the name that it had."""

from __future__ import annotations

from loadstar.runtime.orphans import Orphans

KEY = ("ns", "t")


def test_a_name_has_orphans_until_all_of_them_are_gone() -> None:
    """Two Tasks may have had the same name one after the other; who was never there is no error."""
    orphans = Orphans()
    for uid in ("1", "2", "1"):
        orphans.add(KEY, uid)
    assert (set(orphans.uids(KEY)), orphans.keys()) == ({"1", "2"}, [KEY])
    orphans.discard(KEY, "1")
    orphans.discard(("ns", "other"), "1")
    assert (set(orphans.uids(KEY)), orphans.keys()) == ({"2"}, [KEY])
    orphans.discard(KEY, "2")
    assert (list(orphans.uids(KEY)), orphans.keys()) == ([], [])
