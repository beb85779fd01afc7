"""Commands that end and daemons that stay: started by us, recorded by pid and start time, ended by just those."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.errors import BedError

STOP_SECONDS = 10.0
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
"""What a daemon sees: a proxy or a KUBECONFIG of the person's own shell must not lead it elsewhere."""
CHILD_SECONDS = 10.0
START = """exec 3>&1 >>"$1" 2>&1 </dev/null
shift
{ exec 3>&-; exec "$@"; } &
echo $! >&3"""
"""Leave a program behind as nobody's child, with its output in the file $1, and print its pid."""


def run(*command: str | Path, input_text: str | None = None, input_file: Path | None = None, check: bool = True) -> str:
    """Run a command to its end and return what it printed. Raises BedError with its own words when it fails."""
    words = [str(word) for word in command]
    if input_file is None:
        done = subprocess.run(words, input=input_text or "", capture_output=True, text=True, check=False)
    else:
        with input_file.open("rb") as source:
            done = subprocess.run(words, stdin=source, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise BedError(
            f"{' '.join(words[:6])} failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-800:]}"
        )
    return done.stdout


def started_at(pid: int) -> int | None:
    """The start time of a process in clock ticks: with the pid it names one process for ever; None when it is gone."""
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def child_of(pid: int) -> int | None:
    """The first child of a process, None when it has none."""
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is not None and int(fields[1]) == pid:
            return int(entry.name)
    return None


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

    def start(self, command: Sequence[str | Path], *, entry: str = "", forks: bool = False) -> None:
        """Start it unless it runs.

        `entry` is shell that enters a cgroup. A command that only `forks` the program proper, as nsenter and unshare
        do for a pid namespace, is recorded by its child: that is who must get the signals.
        """
        if self.alive():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [str(word) for word in command]
        shell = ["/bin/sh", "-e", "-c", f"{entry}\n{START}", "sh", str(self.log), *words]
        done = subprocess.run(
            shell, capture_output=True, text=True, start_new_session=True, check=False, cwd="/", env=ENVIRONMENT
        )
        if done.returncode:
            raise BedError(f"{self.name} was not started: {done.stderr.strip()[-800:]}")
        pid = int(done.stdout)
        if forks:
            pid = self._child(pid)
        record = {"pid": pid, "started": started_at(pid), "command": words, "entry": entry, "forks": forks}
        partial = self._record.with_suffix(".tmp")
        partial.write_text(json.dumps(record))
        partial.replace(self._record)

    def restart(self) -> None:
        """Start it with the command of last time."""
        record = self._load()
        if record is None:
            raise BedError(f"{self.name} was never started")
        self.start(record["command"], entry=record.get("entry", ""), forks=record.get("forks", False))

    def known(self) -> bool:
        """True when it was started once, whether it still runs or not."""
        return self._record.exists()

    def alive(self) -> bool:
        """True while it runs."""
        return self.pid() is not None

    def pid(self) -> int | None:
        """Its pid while it runs."""
        record = self._load()
        if record is None or record.get("started") is None or started_at(record["pid"]) != record["started"]:
            return None
        return int(record["pid"])

    def signal(self, number: int) -> None:
        """Send a signal. Raises BedError when it does not run."""
        pid = self.pid()
        if pid is None:
            raise BedError(f"{self.name} does not run")
        os.kill(pid, number)

    def resume(self) -> None:
        """Let it go on if a SIGSTOP holds it."""
        if self.alive():
            self.signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL; returns when it is gone."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            pid = self.pid()
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
            end = time.monotonic() + STOP_SECONDS
            while self.alive() and time.monotonic() < end:
                time.sleep(0.05)
        if self.alive():
            raise BedError(f"{self.name} does not end")

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _child(self, parent: int) -> int:
        found: list[int] = []

        def born() -> bool:
            if started_at(parent) is None:
                raise BedError(f"{self.name} ended at once:\n{self.tail()}")
            child = child_of(parent)
            found.extend([] if child is None else [child])
            return bool(found)

        wait_until(born, CHILD_SECONDS, f"{self.name} did not start", every=0.01)
        return found[0]

    def _load(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self._record.read_text()))
        except (OSError, ValueError):
            return None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on: state, parent, …."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
