"""What a Pod counts for on its node, and what the promise of one does: what it requests, and what it is to use.

Use is expected by class as a ratio to what is declared, also of a Pod that asks for something else.
"""

from __future__ import annotations

from dataclasses import replace

from loadstar.core.classes import class_of
from loadstar.core.decision import Decision, Placed
from loadstar.core.ledger import Ledger
from loadstar.core.model import Phase, Pod, Task
from loadstar.core.nodes import Charge
from loadstar.core.states import State
from loadstar.core.template import Template, assigned


def of_pod(pod: Pod, node: str, template: Template | None, ledger: Ledger) -> Charge:
    """A Pod of ours on its node; `template` as its attempt was assigned, None where its Task is not known."""
    kind, declared = "", pod.requests
    if template is not None:
        kind = class_of(template.worker)
        if template.learned.requests:
            declared = template.declared
    started = pod.started if pod.phase is not Phase.PENDING else None
    return Charge(node, pod.requests, ledger.expected(kind, declared, started), kind, declared)


def of_promise(task: Task, node: str, template: Template, decision: Decision | None, ledger: Ledger) -> Charge:
    """A Pod that is decided on, or assigned, and not there yet."""
    kind, declared = class_of(template.worker), template.declared
    if task.status.state is State.ASSIGNED:
        template = assigned(template, task.status)
    elif isinstance(decision, Placed):
        template = replace(template, learned=decision.learned)
    return Charge(node, template.requests, ledger.expected(kind, declared), kind, declared)
