"""What all tests without a cluster have in common: no example is timed, since machines are shared."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
