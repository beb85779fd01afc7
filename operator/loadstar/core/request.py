"""Who asks for a node, and for what."""

from __future__ import annotations

from dataclasses import dataclass

from loadstar.core.template import Template


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
    def shape(self) -> tuple[object, ...]:
        """Equal for Tasks that every node answers alike: one refusal in a cycle serves them all."""
        template = self.template
        return (
            template.worker.document,
            tuple(template.worker.requests.items()),
            template.placement,
            template.requires,
            template.prefers,
            self.avoid,
            self.near,
            self.apart,
        )
