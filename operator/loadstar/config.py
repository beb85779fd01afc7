"""The operator's settings: read once from the environment, checked, then frozen.

What is about placement is the PlacementPolicy's; this is only about the process.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "LOADSTAR_"
_LEVELS: Final = {"DEBUG", "INFO", "WARNING", "ERROR"}


class SettingsError(ValueError):
    """A setting has a value that is not allowed; the message says which are."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`namespace` is where the Lease lives; `identity` names this replica in it.

    `lease_seconds`: how long a replica that is silent keeps the lead; `resync_seconds`: how often everything is listed
    and looked at anew; `source_files` is the folder of authorities and tokens for load sources. `decisions`: how many
    of the last decisions are kept in memory; `decision_log`: the file that all are appended to, empty for none, and
    how many MiB it may have.
    """

    namespace: str
    identity: str
    log_level: str
    port: int
    workers: int
    lease_seconds: int
    resync_seconds: int
    source_files: str
    decisions: int = 256
    decision_log: str = ""
    decision_log_mib: int = 16

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read LOADSTAR_NAMESPACE, _POD_NAME, _LOG_LEVEL, _PORT, _WORKERS, _LEASE_SECONDS, _RESYNC_SECONDS,
        _SOURCE_FILES, _DECISIONS, _DECISION_LOG, _DECISION_LOG_MIB.

        Raises SettingsError.
        """

        def text(name: str, default: str) -> str:
            return environment.get(PREFIX + name, "").strip() or default

        def number(name: str, default: int, low: int, high: int) -> int:
            raw = text(name, str(default))
            if not raw.isdecimal() or not low <= int(raw) <= high:
                raise SettingsError(f"{PREFIX}{name} must be a whole number from {low} to {high}, not {raw!r}")
            return int(raw)

        def absolute(name: str) -> str:
            raw = text(name, "")
            if raw and not raw.startswith("/"):
                raise SettingsError(f"{PREFIX}{name} must be the absolute path of a file, or empty, not {raw!r}")
            return raw

        level = text("LOG_LEVEL", "INFO").upper()
        if level not in _LEVELS:
            raise SettingsError(f"{PREFIX}LOG_LEVEL must be one of {', '.join(sorted(_LEVELS))}, not {level!r}")
        return cls(
            namespace=text("NAMESPACE", "loadstar-system"),
            identity=text("POD_NAME", socket.gethostname()),
            log_level=level,
            port=number("PORT", 8080, 1, 65535),
            workers=number("WORKERS", 64, 1, 512),
            lease_seconds=number("LEASE_SECONDS", 12, 2, 600),
            resync_seconds=number("RESYNC_SECONDS", 600, 2, 86400),
            source_files=text("SOURCE_FILES", "/etc/loadstar/sources"),
            decisions=number("DECISIONS", 256, 0, 100_000),
            decision_log=absolute("DECISION_LOG"),
            decision_log_mib=number("DECISION_LOG_MIB", 16, 1, 10_000),
        )
