"""The rules on how a Task may be named and changed, as a ValidatingAdmissionPolicy, generated from the model.

What a spec may say is in the CRD's schema. These rules compare two versions of a Task, and a CRD's rules run on every
write of a status too: there they cost the API server a sixth of that write, for a spec that such a write cannot touch.
"""

from __future__ import annotations

from typing import Any, Final

from loadstar.api import GROUP, TASK_PLURAL, admission
from loadstar.api.task import MUTABLE, TaskSpec
from loadstar.core.queues import DEFAULT_QUEUE
from loadstar.core.states import State

Json = dict[str, Any]

NAME: Final = f"{TASK_PLURAL}.{GROUP}"
_CREATED: Final = "oldObject == null || "
_NAMED: Final = "object.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')"
_TORN: Final = (
    "object.spec.?placement.?requiresDeclared.orValue(false) && "
    "object.spec.?placement.?requests.orValue('') == 'Learned'"
)
_NAMES: Final = "object.spec.?dependencies.orValue([])"
_RULES: Final = "object.spec.?dependencyRules.orValue({})"


def held_fields() -> list[str]:
    """The fields of a Task's spec that stay as they were created."""
    names = [info.alias or name for name, info in TaskSpec.model_fields.items()]
    return [name for name in names if name not in MUTABLE]


def policy() -> Json:
    """The rules. They run on a creation and on a change of the spec, never on a write of the status."""
    return admission.policy(
        NAME,
        {
            "matchConditions": [
                # A new Task with a good name, or a change of labels, costs no more than this look.
                {
                    "name": "something-to-refuse",
                    "expression": f"oldObject == null ? !{_NAMED} || ({_TORN}) || has(object.spec.dependencies) || "
                    "has(object.spec.dependencyRules) : object.spec != oldObject.spec",
                },
            ],
            "validations": [
                _name(),
                _requests(),
                *_dependencies(),
                *(_held(name) for name in held_fields()),
                _queue(),
                _cancel(),
                _priority(),
            ],
        },
    )


def binding() -> Json:
    """It holds everywhere."""
    return admission.binding(NAME, {})


def _name() -> Json:
    return _validation(
        f"oldObject != null || {_NAMED}",
        "metadata.name: must be a DNS label: at most 63 of a-z, 0-9 and '-', starting and ending with a-z or 0-9",
    )


def _requests() -> Json:
    return _validation(
        f"oldObject != null || !({_TORN})",
        "spec.placement: must have requests Declared, or none, when requiresDeclared is true",
    )


def _dependencies() -> list[Json]:
    """Each costs as many steps as there are names; a look at all of them for each rule would cost too much."""
    return [
        _validation(
            f"oldObject != null || {_NAMES}.all(name, name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))",
            "spec.dependencies: must be names of Tasks of the same namespace: DNS labels of a-z, 0-9 and '-', starting "
            "and ending with a-z or 0-9",
        ),
        _validation(
            f"oldObject != null || !(object.metadata.name in {_NAMES})",
            "spec.dependencies: must not name the Task itself",
        ),
        _validation(
            # No name is twice in the list.
            f"oldObject != null || {_NAMES}.filter(name, name in {_RULES}).size() == {_RULES}.size()",
            "spec.dependencyRules: must have only keys that spec.dependencies names",
        ),
    ]


def _held(name: str) -> Json:
    return _validation(
        f"{_CREATED}object.spec.?{name} == oldObject.spec.?{name}",
        f"spec.{name}: must stay as it was created; only {', '.join(MUTABLE)} may change: delete the Task and create "
        "it anew",
    )


def _queue() -> Json:
    asked, was = (f"{which}.spec.?queue.orValue('{DEFAULT_QUEUE}')" for which in ("object", "oldObject"))
    pending = f"oldObject.?status.?state.orValue('{State.PENDING}') == '{State.PENDING}'"
    return _validation(
        f"{_CREATED}{asked} == {was} || {pending}",
        f"spec.queue: must stay as it is unless the Task is {State.PENDING}: it has a node, or has ended",
    )


def _cancel() -> Json:
    return _validation(
        f"{_CREATED}!oldObject.spec.?cancel.orValue(false) || object.spec.?cancel.orValue(false)",
        "spec.cancel: must stay true: what was cancelled cannot be taken up again; create the Task anew",
    )


def _priority() -> Json:
    final = ", ".join(f"'{state}'" for state in State if state.terminal)
    return _validation(
        f"{_CREATED}object.spec.?priority == oldObject.spec.?priority || "
        f"!(oldObject.?status.?state.orValue('') in [{final}])",
        "spec.priority: must stay as it is once the Task is SUCCESS or FAILED",
    )


def _validation(expression: str, message: str) -> Json:
    return {"expression": expression, "message": message, "reason": "Invalid"}
