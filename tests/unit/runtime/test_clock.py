"""What time it is: the API server's."""

from __future__ import annotations

import time

from loadstar.runtime.clock import SystemClock


def test_the_api_servers_time_holds() -> None:
    """A clock that is ten minutes off follows the API server; the second that an answer may lag moves nothing."""
    clock = SystemClock()
    clock.observe(time.time() - 0.9)
    assert abs(clock.now() - time.time()) < 0.1
    clock.observe(time.time() + 600)
    assert 599 < clock.now() - time.time() < 602
    clock.observe(time.time() - 600)
    assert -601 < clock.now() - time.time() < -598
