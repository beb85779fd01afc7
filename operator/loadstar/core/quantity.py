"""Amounts of resources as whole numbers: CPU in millicores, everything else in its base unit (bytes, counts).

Leaves the text form of Kubernetes quantities ("250m", "1Gi") to `parse`; arithmetic elsewhere never sees text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation, Overflow
from functools import lru_cache
from typing import Final, TypeAlias

Quantities: TypeAlias = Mapping[str, int]
"""Resource name → amount. An absent name means none of it."""

CPU: Final = "cpu"
MEMORY: Final = "memory"
PODS: Final = "pods"

_SUFFIXES: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_LARGEST: Final = Decimal(2**63 - 1)
_NONE: Final = Decimal(0)


def parse(text: str | float) -> Decimal:
    """Read a Kubernetes quantity: "1.5", "250m", "1Gi", "1e3". Raises ValueError for anything else."""
    raw = str(text).strip()
    number, suffix = raw, ""
    for length in (2, 1):
        if raw[-length:] in _SUFFIXES and raw[-length:]:
            number, suffix = raw[:-length], raw[-length:]
            break
    try:
        value = Decimal(number) * _SUFFIXES[suffix]
    except (InvalidOperation, Overflow) as error:
        raise ValueError(f"must be a Kubernetes quantity such as 250m, 1.5 or 512Mi, not {raw!r}") from error
    if not value.is_finite():
        raise ValueError(f"must be a finite Kubernetes quantity, not {raw!r}")
    return value


@lru_cache(maxsize=16384)
def amount(name: str, text: str | float) -> int:
    """The whole-number amount of resource `name`: millicores for CPU, base units else; rounded up, 0 to 2^63-1.

    A negative amount, which nothing real has, counts as none.
    """
    value = max(_NONE, min(_LARGEST, parse(text)))
    scaled = min(_LARGEST, value * (1000 if name == CPU else 1))
    return int(scaled.to_integral_value(rounding=ROUND_CEILING))


def amounts(texts: Mapping[str, str | float] | None) -> dict[str, int]:
    """Read a `requests`, `limits` or `allocatable` object."""
    return {name: amount(name, text) for name, text in (texts or {}).items()}


def total(parts: Iterable[Quantities]) -> dict[str, int]:
    """Sum by resource name."""
    result: dict[str, int] = {}
    for part in parts:
        for name, value in part.items():
            result[name] = result.get(name, 0) + value
    return result


def spoken(quantities: Quantities) -> str:
    """CPU and memory of them: "cpu 250m, memory 512Mi"; "nothing" without either."""
    return (
        ", ".join(f"{name} {show(name, quantities[name])}" for name in (CPU, MEMORY) if name in quantities) or "nothing"
    )


def show(name: str, value: int) -> str:
    """A short text a person reads: 250m or 2 for CPU, 512Mi for memory."""
    if name == CPU:
        return f"{value}m" if value % 1000 else str(value // 1000)
    if name in {MEMORY, "ephemeral-storage"}:
        for suffix, size in (("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
            if value >= size:
                return f"{value / size:.{3 if value < 1000 * size else 4}g}{suffix}"
    return str(value)
