"""Pairs of runs that were made, kept one by one: what is there is not run again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Pairs:
    """By benchmark, scenario and seed what each policy came to, in one file."""

    def __init__(self, path: Path, benchmark: str) -> None:
        self._path = path
        self._benchmark = benchmark

    def of(self, scenario: str) -> dict[int, Json]:
        """The pairs of a scenario by seed."""
        kept = self._read().get(self._benchmark, {}).get(scenario, {})
        return {int(seed): kept[seed] for seed in sorted(kept, key=int)}

    def keep(self, scenario: str, seed: int, pair: Json) -> None:
        """Keep one more; the file is whole at every moment."""
        document = self._read()
        document.setdefault(self._benchmark, {}).setdefault(scenario, {})[str(seed)] = pair
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(document, indent=1) + "\n")
        part.replace(self._path)

    def _read(self) -> Json:
        return dict(json.loads(self._path.read_text())) if self._path.exists() else {}


def when(pairs: Iterable[Json]) -> dict[str, str]:
    """Dates and commits of what was measured: those count, not those of what writes it down."""
    made = list(pairs)
    return {key: ", ".join(sorted({pair[key] for pair in made})) for key in ("date", "commit")}
