"""bench/results/placement.json: the scenarios of every level, each level under the conditions in which it was run.

A level that is run anew replaces what it had; the others stay.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

RESULT = Path(__file__).parents[1] / "results" / "placement.json"


def read(path: Path = RESULT) -> Json:
    """What was kept."""
    empty: Json = {"levels": {}, "scenarios": {}, "beside": {}}
    return json.loads(path.read_text()) if path.exists() else empty


def keep(level: str, conditions: Json, scenarios: Json, beside: Json, path: Path = RESULT) -> Json:
    """Put a level's scenarios in the place of those that it had. Returns the whole."""
    document = read(path)
    former = document["levels"].get(level, {}).get("scenarios", [])
    for part, new in (("scenarios", scenarios), ("beside", beside)):
        document[part] = {name: entry for name, entry in document[part].items() if name not in former} | new
    document["levels"][level] = {**conditions, "scenarios": list(scenarios)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    return document
