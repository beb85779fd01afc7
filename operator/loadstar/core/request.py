"""Who asks for a node, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loadstar.core.labels import is_shared
from loadstar.core.quantity import CPU, MEMORY
from loadstar.core.template import Template

_SIZES: Final = frozenset({CPU, MEMORY})


@dataclass(frozen=True, slots=True)
class Request:
    """The Task's uid, what it runs and asks for, and names of nodes.

    `avoid`: its last Pods could not get onto them; `apart`: Tasks run there that it is to be away from; `near`: Tasks
    run or ran there that it is to be close to. None of these closes a node for good.
    """

    task_uid: str
    template: Template
    avoid: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()

    @property
    def size(self) -> tuple[int, int]:
        """Millicores and bytes that it requests."""
        requests = self.template.requests
        return requests.get(CPU, 0), requests.get(MEMORY, 0)

    @property
    def closely(self) -> bool:
        """True when labels that many nodes share and room for CPU and memory do not say all that matters to it."""
        requests, selector = self.template.requests, self.template.placement.node_selector
        return (
            bool(self.avoid or self.apart or any(not is_shared(key) for key, _ in selector))
            or not requests.keys() <= _SIZES
        )

    @property
    def shape(self) -> tuple[object, ...]:
        """Equal for Tasks that every node answers alike: one refusal in a cycle serves them all."""
        template = self.template
        return (
            template.worker.document,
            tuple(template.requests.items()),
            template.placement,
            template.requires,
            template.prefers,
            self.avoid,
            self.near,
            self.apart,
        )
