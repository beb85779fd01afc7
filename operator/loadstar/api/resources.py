"""What a Task declares, asks for and uses, as objects of the wire. Forgiving, as `convert` is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from loadstar.core.quantity import CPU, MEMORY, Quantities, amount
from loadstar.core.resources import LEARNABLE, Resources
from loadstar.core.rules import MOST_GROWTH

Json = dict[str, Any]


def read(raw: Mapping[str, Any]) -> Resources:
    """Of a Task's status."""
    return Resources(
        amounts_of(raw.get("declared")),
        amounts_of(raw.get("requested")),
        amounts_of(raw.get("used")),
        percentile=raw.get("percentile"),
        killed=amounts_of({MEMORY: raw.get("killedAt")}).get(MEMORY),
        memory_factor=min(max(1.0, float(raw.get("memoryFactor") or 1.0)), MOST_GROWTH),
    )


def document(value: Resources) -> Json:
    """As it is written: what is not known is absent."""
    found: Json = {
        name: amounts_document(amounts)
        for name, amounts in (("declared", value.declared), ("requested", value.requested), ("used", value.used))
        if amounts
    }
    if value.percentile is not None:
        found["percentile"] = value.percentile
    if value.killed is not None:
        found["killedAt"] = exact(MEMORY, value.killed)
    if value.memory_factor > 1:
        found["memoryFactor"] = round(value.memory_factor, 4)
    return found


def amounts_of(raw: Mapping[str, Any] | None) -> dict[str, int]:
    """CPU and memory of such an object; what is no quantity is not there."""
    found: dict[str, int] = {}
    for name, text in (raw or {}).items():
        if name in LEARNABLE and text is not None:
            with suppress(ValueError):
                found[name] = amount(name, text)
    return found


def amounts_document(amounts: Quantities) -> Json:
    """CPU and memory as quantities that say neither more nor less."""
    return {name: exact(name, value) for name, value in amounts.items()}


def exact(name: str, value: int) -> str:
    """The shortest quantity that is exactly this much: 250m, 2, 64Mi, 1000000."""
    if name == CPU:
        return f"{value}m" if value % 1000 else str(value // 1000)
    for suffix, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if value and value % size == 0:
            return f"{value // size}{suffix}"
    return str(value)
