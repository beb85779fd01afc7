"""The election: one leader, who knows when it no longer may write."""

from __future__ import annotations

from loadstar.runtime.leader import LEASE_SECONDS, RENEW_SHARE, Leader
from tests.unit.runtime.fakes import FakeClock, FakeLeases


async def test_the_first_leads_and_the_second_waits() -> None:
    """A held Lease is respected while its holder renews it."""
    leases, clock = FakeLeases(), FakeClock()
    first, second = Leader(leases, "first", clock), Leader(leases, "second", clock)
    for _ in range(30):
        await first._round()
        await second._round()
        clock.time += 1
        assert first.may_write()
        assert not second.may_write()


async def test_a_dead_leader_is_replaced_after_the_lease() -> None:
    """Without renewals the other takes over after the whole duration by its own clock, and never before the fence."""
    leases, clock = FakeLeases(), FakeClock()
    first, second = Leader(leases, "first", clock), Leader(leases, "second", clock)
    await first._round()
    await second._round()
    waited = 0.0
    while not second.may_write():
        clock.time += 1
        waited += 1
        await second._round()
        assert not (first.may_write() and second.may_write())
    assert LEASE_SECONDS * RENEW_SHARE < waited <= LEASE_SECONDS + 2


async def test_an_unreachable_lease_fences_the_leader() -> None:
    """A leader that cannot renew stops writing at the deadline, and leads again when it can."""
    leases, clock = FakeLeases(), FakeClock()
    leader = Leader(leases, "one", clock)
    await leader._round()
    leases.away = True
    clock.time += LEASE_SECONDS * RENEW_SHARE + 0.1
    assert not leader.may_write()
    await leader._round()
    leases.away = False
    await leader._round()
    assert leader.may_write()


async def test_a_released_lease_is_taken_at_once() -> None:
    """A leader that stops hands the Lease back."""
    leases, clock = FakeLeases(), FakeClock()
    first, second = Leader(leases, "first", clock), Leader(leases, "second", clock)
    await first._round()
    await first._release()
    await second._round()
    assert second.may_write()
    assert not first.may_write()
