"""Times of the wire (RFC 3339, UTC) as seconds since the epoch, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

EARLIEST: Final = int(datetime(1970, 1, 1, tzinfo=UTC).timestamp())
LATEST: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
"""Nothing of ours happened before the epoch, and later than this no year has four digits."""


def parse_time(text: str | None) -> float | None:
    """Read "2026-01-31T12:00:00Z", with or without a fraction; None for nothing or nonsense.

    A time that `format_time` could not write again is moved to the nearest that it can.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except OverflowError:
        return None
    return min(max(seconds, EARLIEST), LATEST)


def format_time(seconds: float | None) -> str | None:
    """Write whole seconds, as Kubernetes does; None stays None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(min(max(int(seconds), EARLIEST), LATEST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(seconds: float) -> str:
    """Write microseconds, as Leases do."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
