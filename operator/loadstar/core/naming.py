"""Names that are a function of what they stand for, so that creating a thing twice is refused by the API server."""

from __future__ import annotations

from typing import Final

TASK_CHARACTERS: Final = 38
UID_CHARACTERS: Final = 5


def pod_name(task: str, uid: str, part: int, attempt: int) -> str:
    """The one Pod of an attempt at a part: `<task, cut to 38>-<5 of the uid>-<part>-<attempt>`, at most 63 characters.

    The uid keeps a Task that was deleted and made again from meeting the Pods of its predecessor.
    """
    return f"{task[:TASK_CHARACTERS]}-{uid[:UID_CHARACTERS]}-{part}-{attempt}"
