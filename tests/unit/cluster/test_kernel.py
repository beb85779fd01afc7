"""The limit on inotify instances is raised where it is too low, and never lowered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.errors import BedError
from tests.cluster.kernel import LEAST, allow_watches


@pytest.mark.parametrize(("before", "after"), [("128", str(LEAST)), ("9999\n", "9999\n")])
def test_too_low_a_limit_is_raised(tmp_path: Path, before: str, after: str) -> None:
    """What an admin made larger stays."""
    limit = tmp_path / "max_user_instances"
    limit.write_text(before)
    allow_watches(limit)
    assert limit.read_text() == after


def test_a_machine_without_it_is_told(tmp_path: Path) -> None:
    """The error names the file and what it must be."""
    with pytest.raises(BedError, match="absent must be at least"):
        allow_watches(tmp_path / "absent")
