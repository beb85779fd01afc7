"""The operator as a plain process: settings, rights and token are those that its chart gives it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from pathlib import Path

import aiohttp

READY_SECONDS = 300.0
DISTRIBUTION = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
"""Built with the optimisations that the image's interpreter has too; one that was built by hand may be without them."""
INTERPRETER = DISTRIBUTION if DISTRIBUTION.exists() else Path(sys.executable)
STOP_SECONDS = 20.0


class Replica:
    """One replica of the operator from the checkout `root`."""

    def __init__(self, root: Path, kubeconfig: Path, log: Path, name: str = "bench-0") -> None:
        self.name = name
        self.log = log
        self._root = root
        self._kubeconfig = kubeconfig
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its pid. Raises RuntimeError when it has ended."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the operator has ended:\n{tail(self.log)}")
        return self._process.pid

    def start(self) -> None:
        """Start it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": "/nonexistent",
            "PYTHONPATH": f"{self._root / 'operator'}:{sysconfig.get_path('purelib')}",
            "KUBECONFIG": str(self._kubeconfig),
            "LOADSTAR_NAMESPACE": "loadstar-system",
            "LOADSTAR_POD_NAME": self.name,
            "LOADSTAR_LOG_LEVEL": "INFO",
            "LOADSTAR_PORT": str(self._port),
        }
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [INTERPRETER, "-m", "loadstar", "run"],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def wait_ready(self) -> float:
        """Return the seconds until its /readyz says yes. Raises RuntimeError when that takes too long."""
        started = time.monotonic()
        while time.monotonic() - started < READY_SECONDS:
            _ = self.pid
            if await self._get("readyz") is not None:
                return time.monotonic() - started
            await asyncio.sleep(0.1)
        raise RuntimeError(f"the operator was not ready in {READY_SECONDS:g} s:\n{tail(self.log)}")

    async def leads(self) -> bool:
        """True when it holds the Lease."""
        return "loadstar_leading 1.0" in (await self._get("metrics") or "")

    async def writes(self) -> int:
        """How many writes it counts itself."""
        lines = (await self._get("metrics") or "").splitlines()
        return sum(
            int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith("loadstar_api_write_seconds_count")
        )

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL; returns when it is gone."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            end = time.monotonic() + STOP_SECONDS
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            while self._process.poll() is None and time.monotonic() < end:
                await asyncio.sleep(0.05)
            if self._process.poll() is not None:
                return

    async def _get(self, path: str) -> str | None:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
                session.get(f"http://127.0.0.1:{self._port}/{path}") as response,
            ):
                return await response.text() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
