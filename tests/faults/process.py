"""An operator as a process of its own, that can be killed, stopped and started again.

It is forked from a server that has the program imported already (multiprocessing's forkserver): a start costs a tenth
of a second, so a battery of a thousand starts is affordable. Under a false clock it is executed, as LD_PRELOAD needs.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
STOP_SECONDS = 8.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["loadstar.cli", "kopf", "kubernetes.aio.client"])


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _operate(environment: Mapping[str, str], log: str) -> None:
    """In the child: become the operator."""
    os.environ.update(environment)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(target, 1)
    os.dup2(target, 2)
    from kubernetes.aio.config import kube_config  # noqa: PLC0415 - only the fork server needs these

    from loadstar.cli import main  # noqa: PLC0415 - see above

    # It was read when the module was imported, in the fork server.
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = environment["KUBECONFIG"]
    sys.argv = ["loadstar", "run"]
    main()


@dataclass(slots=True)
class Operator:
    """One replica. `starts` counts its processes, `unasked` the exits that nobody asked for."""

    environment: Mapping[str, str]
    log: Path
    clock: Path | None = None
    starts: int = 0
    unasked: list[str] = field(default_factory=list)
    _process: BaseProcess | subprocess.Popen[bytes] | None = None
    _asked: bool = False

    @property
    def pid(self) -> int:
        """Its process; 0 when it was never started."""
        return (self._process.pid or 0) if self._process else 0

    def alive(self) -> bool:
        """True while it runs, stopped or not."""
        return self._process is not None and self.code() is None

    def start(self) -> None:
        """Start it unless it runs."""
        if self.alive():
            return
        self._asked = False
        self.starts += 1
        if self.clock is None:
            process = _context.Process(target=_operate, args=(dict(self.environment), str(self.log)), daemon=True)
            process.start()
            self._process = process
            return
        more = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.clock), "FAKETIME_NO_CACHE": "1"}
        more |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "loadstar", "run"],
                env={**os.environ, **self.environment, **more},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def code(self) -> int | None:
        """How it ended; None while it runs."""
        if self._process is None:
            return None
        code = self._process.poll() if isinstance(self._process, subprocess.Popen) else self._process.exitcode
        if code is not None and not self._asked:
            self._asked = True
            self.unasked.append(f"the operator ended by itself with {code}")
        return code

    def send(self, number: int) -> None:
        """Send it a signal; SIGKILL and SIGTERM make its end an asked one."""
        if not self.alive():
            return
        if number in {signal.SIGKILL, signal.SIGTERM}:
            self._asked = True
        os.kill(self.pid, number)

    async def end(self, number: int = signal.SIGKILL) -> int | None:
        """Send a last signal, wait, and kill what does not go; returns how it ended."""
        self.send(number)
        for _ in range(int(STOP_SECONDS / 0.02)):
            if not self.alive():
                return self.code()
            await asyncio.sleep(0.02)
        self.send(signal.SIGKILL)
        await asyncio.sleep(0.1)
        self.unasked.append(f"signal {number} did not end the operator in {STOP_SECONDS:g} s")
        return None
