"""The decision log: bounded in memory and on disk, and no hindrance."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from loadstar.api.decisions import line, read
from loadstar.core.policy import Policy, WhenFull
from loadstar.core.record import Record, difference, replay
from loadstar.runtime import decisions
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.decisions import Decisions
from loadstar.runtime.store import Key, Store
from tests.unit.core.builders import NOW, ledger, request, task, view, worker
from tests.unit.core.test_record import decided
from tests.unit.runtime.fakes import FakeClock, LoopClock


def kept(name: str = "t") -> Record:
    return replace(decided(ledger(view("a")), request(), Policy(), NOW), task=("ns", name))


def names(lines: bytes) -> list[str]:
    return [read(text).task[1] for text in lines.splitlines()]


def test_the_last_ones_stay() -> None:
    """Memory is bounded: the oldest goes first; 0 keeps none."""
    log = Decisions(2, FakeClock())
    for name in "abc":
        log.add(kept(name))
    assert names(log.lines()) == ["b", "c"]
    assert not Decisions(0, FakeClock()).on


async def test_all_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that came just before the end, and with none in memory."""
    monkeypatch.setattr(decisions, "WRITE_SECONDS", 0.01)
    path = tmp_path / "log"
    log = Decisions(0, LoopClock(), path)
    assert log.on
    running = asyncio.create_task(log.run())
    log.add(kept("a"))
    while not path.exists():  # noqa: ASYNC110 - a file has no event
        await asyncio.sleep(0.01)
    log.add(kept("b"))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert names(path.read_bytes()) == ["a", "b"]
    assert log.lines() == b""


def test_a_full_file_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of the size at most, by about what one second brings; the one before is written over."""
    one = len(line(kept()))
    monkeypatch.setattr(decisions, "MIB", 2 * one)
    path = tmp_path / "log"
    log = Decisions(0, FakeClock(), path, 1)
    for name in "abcde":
        log._append([kept(name)])
    assert names(path.read_bytes()) == ["e"]
    assert names((tmp_path / "log.1").read_bytes()) == ["c", "d"]


def test_a_disk_that_fails_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once; the next that can be written is."""
    path = tmp_path / "absent" / "log"
    log = Decisions(1, FakeClock(), path)
    log._append([kept()])
    log._append([kept()])
    assert [entry.message for entry in caplog.records if "not written down" in entry.message] == [
        f"decisions are not written down: [Errno 2] No such file or directory: '{path}'"
    ]
    path.parent.mkdir()
    log._append([kept("late")])
    assert names(path.read_bytes()) == ["late"]


def join(store: Store, key: Key) -> None:
    """The Task asks for a node."""
    assert store.waitlist.join(store.tasks[key], store.policy)


async def placed(store: Store, log: Decisions) -> None:
    """One cycle."""
    await Cycle(store, FakeClock(), lambda _: None, log)._place_all()


async def test_the_cycle_keeps_what_it_decides() -> None:
    """Each choice with what it was made from, in order; what is only said again is not kept again."""
    store, log = Store(), Decisions(10, FakeClock())
    store.apply_node(view("a").node)
    store.apply_node(view("b").node)
    for number in range(3):
        store.apply_task(task(name=f"t{number}", uid=f"u{number}", created=NOW - 10 + number))
        join(store, ("ns", f"t{number}"))
    for number in range(2):
        own = worker(cpu=9000)
        store.apply_task(task(name=f"big{number}", uid=f"b{number}", created=NOW + number, worker=own))
        join(store, ("ns", f"big{number}"))
    await placed(store, log)
    await placed(store, log)
    lines = log.lines()
    assert names(lines) == ["t0", "t1", "t2", "big0"], "big1 was refused as big0 was"
    records = [read(text) for text in lines.splitlines()]
    assert [difference(one, replay(one)) for one in records] == [""] * 4


async def test_a_pod_that_is_shown_to_autoscalers_is_on_record() -> None:
    """Also when its like was refused just before: it is asked anew for the record."""
    store, log = Store(), Decisions(10, FakeClock())
    store.policy = Policy(when_full=WhenFull.CREATE_PODS)
    store.apply_node(view("a").node)
    store.apply_other("x", "a", {"cpu": 4000})
    for name, created in (("young", NOW), ("old", NOW - 60)):
        store.apply_task(task(name=name, uid=name, created=created, priority=900 if name == "young" else 500))
        join(store, ("ns", name))
    await placed(store, log)
    records = {one.task[1]: one for one in map(read, log.lines().splitlines())}
    assert [difference(one, replay(one)) for one in records.values()] == ["", ""]
    assert (records["old"].waited, records["old"].pods) == (60.0, 0)
    assert "its Pod waits for any" in records["old"].decision.message


async def test_none_is_kept_when_it_is_off() -> None:
    """LOADSTAR_DECISIONS=0 without a file."""
    store, log = Store(), Decisions(0, FakeClock())
    store.apply_node(view("a").node)
    store.apply_task(task())
    join(store, ("ns", "t"))
    await placed(store, log)
    assert store.decisions
    assert log.lines() == b""
