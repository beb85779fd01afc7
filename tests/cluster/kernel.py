"""The one limit of the machine's kernel that several kubelets on it exceed."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.errors import BedError

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
LEAST = 1024
"""A kubelet and a containerd take some 15 each; usual are 128 for all processes of a user together."""


def allow_watches(limit: Path = INSTANCES) -> None:
    """Let there be enough inotify instances, for as long as the machine is up. Raises BedError."""
    try:
        if int(limit.read_text()) < LEAST:
            limit.write_text(str(LEAST))
    except OSError as error:
        raise BedError(f"{limit} must be at least {LEAST}: {error.strerror}") from error
