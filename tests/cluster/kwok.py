"""Simulated nodes: KWOK plays their kubelets, so that hundreds fit on one machine."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.controlplane import ControlPlane

NAME = "kwok"


@dataclass(frozen=True, slots=True)
class Kwok:
    """The simulated nodes of one bed."""

    plane: ControlPlane

    def scale(self, old: int, new: int) -> None:
        """Go from `old` simulated nodes to `new`."""
        raise NotImplementedError
