"""What a person is told when the bed cannot do what was asked."""

from __future__ import annotations


class BedError(Exception):
    """The message says what is wrong and what to do; no traceback is needed."""
