"""Whose Tasks are not known, of all that have Pods: uids by the name that the Task had."""

from __future__ import annotations

from collections.abc import Collection


class Orphans:
    """By namespace and name of the Task."""

    def __init__(self) -> None:
        self._uids: dict[tuple[str, str], set[str]] = {}

    def add(self, key: tuple[str, str], uid: str) -> None:
        """A Task of this name and uid is not known, and has Pods."""
        self._uids.setdefault(key, set()).add(uid)

    def discard(self, key: tuple[str, str], uid: str) -> None:
        """It is known, or has no Pods any more."""
        if found := self._uids.get(key):
            found.discard(uid)
            if not found:
                del self._uids[key]

    def uids(self, key: tuple[str, str]) -> Collection[str]:
        """Of this name."""
        return self._uids.get(key, ())

    def keys(self) -> list[tuple[str, str]]:
        """Names under which there are orphans."""
        return list(self._uids)
