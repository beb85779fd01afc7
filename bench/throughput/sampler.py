"""Where the CPU goes: py-spy looks at the operator's stack from outside, the API server samples itself (pprof)."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import Counter
from pathlib import Path

from bench.throughput.session import Session

RATE = 200
STOP_SECONDS = 30.0
_LINE = re.compile(r":\d+\)$")


class Sampler:
    """Samples one process into `<folder>/stacks.txt` (collapsed stacks, as flame graphs are made of)."""

    def __init__(self, folder: Path, pid: int) -> None:
        self.stacks = folder / "stacks.txt"
        self._pid = pid
        self._process: Process | None = None

    async def start(self) -> None:
        """Begin. Raises RuntimeError when there is no py-spy."""
        program = Path(sys.executable).parent / "py-spy"
        found = str(program) if program.exists() else shutil.which("py-spy")
        if found is None:
            raise RuntimeError("there is no py-spy: `uv sync --group bench` installs it")
        self._process = await asyncio.create_subprocess_exec(
            *(found, "record", "--pid", str(self._pid), "--rate", str(RATE), "--format", "raw", "--nonblocking"),
            *("--output", str(self.stacks), "--duration", "3600"),
            stdout=PIPE,
            stderr=STDOUT,
        )
        await asyncio.sleep(1)

    async def stop(self) -> None:
        """End, and print the report."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_SECONDS):
            said, _ = await self._process.communicate()
        if not self.stacks.exists():
            raise RuntimeError(f"py-spy wrote nothing: {said.decode(errors='replace')[-500:]}")
        print(report(self.stacks.read_text()), flush=True)


async def server_profile(session: Session, file: Path, seconds: int) -> None:
    """Let the API server sample itself, and print where its CPU goes."""
    content = await session.call("GET", f"/debug/pprof/profile?seconds={seconds}")
    await asyncio.to_thread(file.write_bytes, content)
    for order in ("-flat", "-cum"):
        process = await asyncio.create_subprocess_exec(
            *("go", "tool", "pprof", "-top", order, "-nodecount=60", str(file)), stdout=PIPE, stderr=STDOUT
        )
        said, _ = await process.communicate()
        print(f"-- kube-apiserver {order}\n{said.decode(errors='replace')}", flush=True)


def report(stacks: str, count: int = 40) -> str:
    """The functions with the most samples of their own, and those with the most beneath them."""
    own: Counter[str] = Counter()
    beneath: Counter[str] = Counter()
    total = 0
    for line in stacks.splitlines():
        stack, _, samples = line.rpartition(" ")
        frames = [_LINE.sub(")", frame) for frame in stack.split(";")]
        total += int(samples)
        own[frames[-1]] += int(samples)
        for frame in set(frames):
            beneath[frame] += int(samples)
    lines = [f"{total} samples with CPU, {RATE} a second"]
    for title, counter in (("own time", own), ("with what it calls", beneath)):
        lines.append(f"-- {title}")
        lines += [f"  {samples / total:6.1%}  {frame}" for frame, samples in counter.most_common(count)]
    return "\n".join(lines)
