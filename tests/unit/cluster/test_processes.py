"""Daemons: started once, found again by pid and start time, ended by just that."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.errors import BedError
from tests.cluster.processes import Daemon, child_of, run, wait_until


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, "sleeper")
    yield daemon
    daemon.stop()


def test_a_daemon_is_nobodys_child(daemon: Daemon) -> None:
    """It runs on without us, prints into its log, and a second start changes nothing."""
    daemon.start(["sh", "-c", "echo begun; exec sleep 60"])
    pid = daemon.pid()
    assert pid is not None
    assert child_of(os.getpid()) != pid
    wait_until(lambda: daemon.tail() == "begun", 5, "no output")
    daemon.start(["sh", "-c", "exit 1"])
    assert daemon.pid() == pid


def test_stop_and_restart(daemon: Daemon) -> None:
    """After stop it is gone, even when it was held by SIGSTOP; restart runs the command of last time."""
    daemon.start(["sleep", "60"])
    daemon.signal(signal.SIGSTOP)
    first = daemon.pid()
    daemon.stop()
    assert not daemon.alive()
    with pytest.raises(BedError, match="does not run"):
        daemon.signal(signal.SIGTERM)
    daemon.restart()
    assert daemon.pid() not in {None, first}


def test_the_child_of_a_launcher_is_the_daemon(daemon: Daemon) -> None:
    """A launcher such as nsenter only waits for the program proper: that one gets the signals."""
    daemon.start(["sh", "-c", "sleep 60; true"], forks=True)
    assert Path(f"/proc/{daemon.pid()}/comm").read_text() == "sleep\n"


def test_another_process_with_the_same_pid_is_not_ours(daemon: Daemon) -> None:
    """A record whose start time is not that of the process names nobody: nothing may be killed by it."""
    record = {"pid": os.getpid(), "started": 1, "command": [], "entry": "", "forks": False}
    (daemon.folder / "sleeper.json").write_text(json.dumps(record))
    assert not daemon.alive()
    daemon.stop()


def test_a_failed_entry_starts_nothing(daemon: Daemon) -> None:
    """Outside its cgroup a daemon would use all of the machine: it is not started then."""
    with pytest.raises(BedError, match="was not started"):
        daemon.start(["sleep", "60"], entry="echo $$ > /nowhere/cgroup.procs")
    assert not daemon.alive()


def test_a_failed_command_speaks_for_itself() -> None:
    """The error carries the command's own words."""
    with pytest.raises(BedError, match="nowhere"):
        run("ls", "/nowhere")
