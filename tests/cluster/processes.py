"""Commands that end and daemons that stay: started by us, recorded by pid and start time, ended by just those."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.errors import BedError

STOP_SECONDS = 10.0
_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Daemons outlive us by design; forgetting one while it runs would be reported as a leak."""


def run(*command: str | Path, input_text: str | None = None, check: bool = True) -> str:
    """Run a command to its end and return what it printed. Raises BedError with its own words when it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=input_text, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise BedError(
            f"{' '.join(words[:6])} failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-800:]}"
        )
    return done.stdout


def started_at(pid: int) -> int | None:
    """The start time of a process in clock ticks: with the pid it names one process for ever; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def wait_until(ready: Callable[[], bool], seconds: float, what: str, every: float = 0.1) -> None:
    """Poll the callable `ready` until it is true. Raises BedError after so many seconds."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise BedError(f"{what} after {seconds:g} s")
        time.sleep(every)


@dataclass(frozen=True, slots=True)
class Daemon:
    """A long-running program with its record `<folder>/<name>.json` and its log `<folder>/<name>.log`."""

    folder: Path
    name: str

    @property
    def log(self) -> Path:
        """Where it prints."""
        return self.folder / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.folder / f"{self.name}.json"

    def start(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Start it unless it runs."""
        if self.alive():
            return
        self._record.parent.mkdir(parents=True, exist_ok=True)
        words = [str(word) for word in command]
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        _CHILDREN.append(child)
        record = {"pid": child.pid, "started": started_at(child.pid), "command": words, "env": dict(environment or {})}
        self._record.write_text(json.dumps(record))

    def restart(self) -> None:
        """Start it with the command of last time."""
        record = self._load()
        if record is None:
            raise BedError(f"{self.name} was never started")
        self.start(record["command"], record["env"])

    def alive(self) -> bool:
        """True while it runs."""
        return self.pid() is not None

    def pid(self) -> int | None:
        """Its pid while it runs."""
        record = self._load()
        if record is None or record["started"] is None or started_at(record["pid"]) != record["started"]:
            return None
        return int(record["pid"])

    def signal(self, number: int) -> None:
        """Send a signal. Raises BedError when it does not run."""
        pid = self.pid()
        if pid is None:
            raise BedError(f"{self.name} does not run")
        os.kill(pid, number)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL; returns when it is gone."""
        pid = self.pid()
        if pid is None:
            return
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                _reap(pid)
                if self.pid() is None:
                    return
                time.sleep(0.05)

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _load(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self._record.read_text()))
        except (OSError, ValueError):
            return None


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
