"""What a bed remembers about itself while it is up: `facts.json` in its folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cluster.errors import BedError

LAYOUT = 2
"""Raised when code can no longer handle a bed that older code brought up."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The shape of one bed; `bin` is the folder of its programs, `complete` is false while `up` works."""

    slot: int
    bin: str
    nodes: int
    simulated: int = 0
    notes: tuple[str, ...] = ()
    complete: bool = False
    layout: int = LAYOUT

    def write(self, folder: Path) -> None:
        """Write them, whole or not at all."""
        partial = folder / "facts.tmp"
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(folder / "facts.json")


def home() -> Path:
    """Where beds keep their state while they are up."""
    return Path(os.environ.get("LOADSTAR_BED_DIR") or "/var/lib/loadstar-bed").absolute()


def read(folder: Path) -> Facts | None:
    """The facts of the bed in `folder`; None when it is down or came from older code."""
    try:
        document = json.loads((folder / "facts.json").read_text())
        facts = Facts(**{**document, "notes": tuple(document["notes"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return facts if facts.layout == LAYOUT else None


def slots() -> set[int]:
    """The slots of all beds that keep their state here, also of those that have no network yet."""
    found = set()
    for file in home().glob("*/facts.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            found.add(int(json.loads(file.read_text())["slot"]))
    return found


@contextmanager
def lock(what: str, seconds: float) -> Iterator[None]:
    """Let one process of this machine at a time do `what`. Raises BedError when it had to wait too long.

    The lock is an address in the kernel: it leaves no file and ends with its holder, however that ends.
    """
    end = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as holder:
        while True:
            try:
                holder.bind(f"\0loadstar-bed {what}")
                break
            except OSError as error:
                if time.monotonic() > end:
                    raise BedError(f"{what}: another process is at it") from error
                time.sleep(0.1)
        yield
