"""The operator as a plain process, with its log and its life watched."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

ROOT: Final = Path(__file__).parents[2]
READY_SECONDS: Final = 60.0
MOST_RESTARTS: Final = 20

Json = dict[str, Any]


class Operator:
    """`fault` is told of every line of the log that a sound operator does not write, and of every end unasked."""

    def __init__(self, variables: Mapping[str, str], log: Path, port: int, fault: Callable[[str, Json], None]) -> None:
        self._environment = {
            **os.environ,
            **variables,
            "PYTHONPATH": str(ROOT / "operator"),
            "LOADSTAR_NAMESPACE": "fuzz-system",
            "LOADSTAR_POD_NAME": "fuzz",
            "LOADSTAR_PORT": str(port),
        }
        self._log = log
        self._port = port
        self._fault = fault
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.restarts = 0
        self.tracebacks = 0

    async def run(self) -> None:
        """Keep it alive; each end that was not asked for is a fault."""
        with self._log.open("wb") as log:
            while self.restarts <= MOST_RESTARTS:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "loadstar", "run"),
                    env=self._environment,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    limit=2**24,
                )
                assert self._process.stderr is not None
                last = b""
                async for line in self._process.stderr:
                    log.write(line)
                    log.flush()
                    self._read(line)
                    last = line
                code = await self._process.wait()
                if self._stopping:
                    if code:
                        self._fault(f"asked to end, the operator ended with {code}", {"message": ""})
                    return
                self.restarts += 1
                self._fault(f"the operator ended with {code}", {"message": last.decode(errors="replace")[-1500:]})
                await asyncio.sleep(1)

    async def ready(self) -> None:
        """Return once it says that it is. Raises TimeoutError."""
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{self._port}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    async def sample_ages(self) -> dict[str, float]:
        """Its own word on the age of each node's load sample."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self._port}/metrics") as response,
            ):
                text = await response.text()
        except aiohttp.ClientError:
            return {}
        found = re.findall(r'loadstar_node_sample_age_seconds\{node="([^"]+)"\} (\S+)', text)
        return {name: float(value) for name, value in found}

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()

    def _read(self, raw: bytes) -> None:
        text = raw.decode(errors="replace")
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict):
            if "Traceback" in text:
                self.tracebacks += 1
                self._fault("traceback outside the log", {"message": text})
            return
        if "error" in line or "Traceback" in str(line.get("message")):
            self.tracebacks += 1
            self._fault("traceback", line)
        elif line.get("level") in {"error", "critical"}:
            self._fault("error logged", line)
