"""Under which conditions something was measured: what every report begins with."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def head(command: str, **settings: object) -> dict[str, Any]:
    """To be taken before anything is measured or written."""
    return {
        "command": command,
        "date": time.strftime("%Y-%m-%d"),
        "commit": revision(),
        "machine": f"{os.cpu_count()} cores of {processor()}",
        "python": platform.python_version(),
        **settings,
    }


def processor() -> str:
    """The processor's name, as Linux says it."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return next(
        (line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")), "unknown"
    )


def revision(root: Path = ROOT) -> str:
    """The commit of a checkout; `-dirty` with changes, "unknown" outside of git."""
    shown = subprocess.run(
        ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout.strip() or "unknown"
