"""Results of several levels in one file, each level under the conditions in which it was run.

A level that is run anew replaces what it had; the others stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def read(path: Path) -> Json:
    """What was kept."""
    return dict(json.loads(path.read_text())) if path.exists() else {"levels": {}}


def keep(path: Path, level: str, conditions: Json, parts: Mapping[str, Json]) -> Json:
    """Put a level's scenarios in the place of those that it had; `parts`: by name, what there is by scenario. Returns
    the whole.
    """
    document = read(path)
    former = document["levels"].get(level, {}).get("scenarios", [])
    for part, new in parts.items():
        document[part] = {name: entry for name, entry in document.get(part, {}).items() if name not in former} | new
    scenarios = list(next(iter(parts.values()), {}))
    document["levels"][level] = {**conditions, "scenarios": scenarios}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    return document
