"""bench/results/placement.json: the scenarios of every level, and beside them the paired differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import levels

Json = dict[str, Any]

RESULT = Path(__file__).parents[1] / "results" / "placement.json"


def read(path: Path = RESULT) -> Json:
    """What was kept."""
    return {"scenarios": {}, "beside": {}} | levels.read(path)


def keep(level: str, conditions: Json, scenarios: Json, beside: Json, path: Path = RESULT) -> Json:
    """Put a level's scenarios in the place of those that it had. Returns the whole."""
    return levels.keep(path, level, conditions, {"scenarios": scenarios, "beside": beside})
