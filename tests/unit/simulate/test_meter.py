"""Nodes are measured as metrics-server measures: means over windows, late, without I/O unless there is a source."""

from __future__ import annotations

from random import Random

import pytest

from loadstar.simulate.machine import Machine
from loadstar.simulate.meter import Meter, Metering
from loadstar.simulate.shape import Burden
from tests.unit.simulate.clusters import GIB, host, job


def test_cpu_is_the_mean_of_the_window_and_memory_an_instant() -> None:
    """A Task of one core that ran for a third of the window is a third of a core; its memory is all there."""
    machine = Machine(host())
    meter = Meter(machine, Metering(window=15), Random(1))
    meter.read(15)
    machine.start(job(1, work=100), 25)
    known, reading = meter.read(30) or pytest.fail("a sample is there")
    cpu, memory = reading.load.cpu, reading.load.memory
    assert cpu is not None
    assert memory is not None
    assert cpu.value == pytest.approx(1 / 3)
    assert (cpu.window, cpu.timestamp) == (15, 30)
    assert (memory.value, memory.window) == (GIB / 4, 0)
    assert 31 <= known <= 36
    assert reading.load.io is None
    assert reading.uses == {}, "a Pod that was not there all the window is not measured"


def test_use_ends_at_what_there_is() -> None:
    """Eight cores asked of four measure as four, and each Task as half of what it wants."""
    machine = Machine(host(cores=4))
    machine.bear(Burden(0, 6), 0)
    machine.start(job(1, cpu=2, work=1000), 0)
    meter = Meter(machine, Metering(), Random(1))
    meter.read(15)
    _, reading = meter.read(30) or pytest.fail("a sample is there")
    assert reading.load.cpu is not None
    assert reading.load.cpu.value == pytest.approx(4)
    assert reading.uses["job-1"][1].cpu == pytest.approx(1000)


def test_io_is_measured_where_there_is_a_source() -> None:
    """As the share of what the node's disk can do, which is 1 at most."""
    machine = Machine(host(disk=2.0))
    machine.start(job(1, io=0.5, work=1000), 0)
    _, reading = Meter(machine, Metering(io=True), Random(1)).read(10) or pytest.fail("a sample is there")
    assert reading.load.io is not None
    assert reading.load.io.value == pytest.approx(0.25)


def test_what_is_lost_or_frozen_has_no_sample() -> None:
    """No sample is no answer, and never an idle node."""
    machine = Machine(host())
    assert Meter(machine, Metering(lost=1.0), Random(1)).read(15) is None
    machine.freeze(15, frozen=True)
    assert Meter(machine, Metering(), Random(1)).read(30) is None
