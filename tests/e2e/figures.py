"""What the battery measures, kept as JSON with the command that measures it again."""

from __future__ import annotations

import json
import logging
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

COMMAND = "python -m tests.e2e --battery"


class Figures:
    """Figures by the name of what was measured; those of earlier runs stay until they are measured again."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def keep(self, name: str, **values: Any) -> None:
        """Log them, and write them down where a file is named."""
        log.warning("%s: %s", name, json.dumps(values))
        if self._path is None:
            return
        known = json.loads(self._path.read_text()) if self._path.exists() else {}
        known["command"] = COMMAND
        known["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"
        known.setdefault("figures", {})[name] = {**values, "date": datetime.now(UTC).isoformat(timespec="seconds")}
        known["figures"] = dict(sorted(known["figures"].items()))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(known, indent=2) + "\n")
