"""What a Task leaves for those that depend on it: a few lines of text, and the variables in which they find it.

A name is a DNS label, so no two of a Task's dependencies share a variable: `-` is the only sign that is replaced, and
`_`, by which, is in no name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from unicodedata import category

MOST_BYTES: Final = 4096
"""What a kubelet takes of a container's termination message."""
PREFIX: Final = "LOADSTAR_RESULT_"
ALL: Final = "LOADSTAR_RESULTS"
LEFT_OUT: Final = "LOADSTAR_RESULTS_LEFT_OUT"
VARIABLES_BYTES: Final = 65536
"""All single variables together: a Pod and the environment of a process have their limits."""
ALL_BYTES: Final = 32768
NO_RESULTS: Final[Mapping[str, str]] = MappingProxyType({})
_BLANKS: Final = "\t\n\r"


def cleaned(message: object) -> str | None:
    """A termination message as a result: at most 4 KiB of text without control characters; None when it is empty."""
    text = "".join(sign for sign in str(message or "") if category(sign) != "Cc" or sign in _BLANKS).strip()
    return text.encode(errors="replace")[:MOST_BYTES].decode(errors="ignore").strip() or None


def variable(name: str) -> str:
    """The variable of a dependency's result."""
    return PREFIX + name.upper().replace("-", "_")


def environment(results: Mapping[str, str]) -> dict[str, str]:
    """A variable for each result by name of the dependency, in this order while there is room, and all as JSON.

    The JSON is there only when it is small. Names for which there was no room are told.
    """
    found: dict[str, str] = {}
    room, left_out = VARIABLES_BYTES, list[str]()
    for name, text in results.items():
        size = len(variable(name)) + len(text.encode())
        if size > room:
            left_out.append(name)
            continue
        room -= size
        found[variable(name)] = text
    if left_out:
        found[LEFT_OUT] = ",".join(left_out)
    whole = json.dumps(results, ensure_ascii=False, separators=(",", ":")) if results else ""
    if whole and len(whole.encode()) <= ALL_BYTES:
        found[ALL] = whole
    return found
