"""Which labels of nodes many nodes have in common: by these, nodes are told apart in groups."""

from __future__ import annotations

from typing import Final

CAPABILITY_PREFIX: Final = "capability.loadstar.dev/"
SHARED_LABELS: Final = frozenset(
    {
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
"""Labels that many nodes have in common, beside capabilities; what else a Task selects by is looked at node by node."""


def is_shared(label: str) -> bool:
    """True for labels that many nodes have in common."""
    return label in SHARED_LABELS or label.startswith(CAPABILITY_PREFIX)
