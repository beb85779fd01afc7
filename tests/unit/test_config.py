"""Settings from the environment."""

from __future__ import annotations

import pytest

from loadstar.config import Settings, SettingsError


def test_defaults_and_values() -> None:
    """What is not said has a default; what is said is read."""
    assert Settings.read({}).port == 8080
    assert (Settings.read({}).decisions, Settings.read({}).decision_log) == (256, "")
    read = Settings.read({"LOADSTAR_PORT": "9", "LOADSTAR_LOG_LEVEL": "debug", "LOADSTAR_POD_NAME": "p"})
    assert (read.port, read.log_level, read.identity) == (9, "DEBUG", "p")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "x"),
        ("WORKERS", "9999"),
        ("LOG_LEVEL", "loud"),
        ("DECISIONS", "-1"),
        ("DECISION_LOG", "log.jsonl"),
    ],
)
def test_bad_values_say_what_is_allowed(name: str, value: str) -> None:
    """A setting that is not allowed ends the start with the list or range of what is."""
    with pytest.raises(SettingsError, match=f"LOADSTAR_{name} must be"):
        Settings.read({f"LOADSTAR_{name}": value})
