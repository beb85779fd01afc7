"""Beds side by side: each has a slot, and so an address, of its own."""

from __future__ import annotations

import pytest

from tests.cluster.errors import BedError
from tests.cluster.network import SLOTS, Network, free_slot, taken_slots

ADDRESSES = """\
1: lo    inet 127.0.0.1/8 scope host lo
4: eth0    inet 192.0.2.2/24 scope global eth0
7: ls-one    inet 10.89.255.1/30 scope global ls-one
9: ls-two    inet 10.89.255.9/30 scope global ls-two
"""


def test_the_lowest_free_slot_is_taken() -> None:
    """Slots of beds that went down are used again."""
    assert free_slot(set()) == 0
    assert free_slot({0, 1, 3}) == 2


def test_no_slot_is_free() -> None:
    """With all taken the message says what to do."""
    with pytest.raises(BedError, match="take one down"):
        free_slot(set(range(SLOTS)))


def test_slots_are_read_from_addresses() -> None:
    """The host's addresses tell the slots of all beds, wherever those keep their state."""
    assert taken_slots(ADDRESSES) == {0, 2}


def test_names_and_addresses_of_two_beds_differ() -> None:
    """Nothing on the host is shared by two beds, and an interface's name fits into the kernel's 15 characters."""
    one, two = Network("a" * 12, 0), Network("b", SLOTS - 1)
    assert one.host_address != two.host_address
    assert two.server_address == f"10.89.255.{4 * SLOTS - 2}"
    assert one.control_plane != two.control_plane
    assert len(one.host_interface) == 15
