"""The ground of all models of the wire: camelCase names, no unknown fields, and the types that several share."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL_NAME: Final = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
QUALIFIED_NAME: Final = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
QUANTITY: Final = r"^[0-9]+(\.[0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi|e[0-9]{1,2})?$"
ENV_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
_PART: Final = r"([^/.]|\.[^/.])[^/]*"
RELATIVE_PATH: Final = rf"^{_PART}(/{_PART})*$"

SAYS: Final = "x-says"
"""The keyword by which a pattern is put into words; `schema` makes a rule with this message of the two."""


def says(text: str) -> dict[str, Any]:
    """`json_schema_extra` beside a pattern: what a person is told that the pattern allows."""
    return {SAYS: text}


def _written(value: object) -> object:
    """A whole number is as good as its digits, as in Kubernetes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_LABEL_WORDS: Final = "must be a DNS label: a-z, 0-9 and '-', starting and ending with a-z or 0-9"
_OBJECT_WORDS: Final = "must be a name of an object: a-z, 0-9, '-' and '.', starting and ending with a-z or 0-9"
_CAPABILITY_WORDS: Final = (
    "must be a name of A-Z, a-z, 0-9, '-', '_' and '.', starting and ending with a letter or digit"
)
_QUANTITY_WORDS: Final = "must be a quantity of 0 or more, such as 250m, 1 or 0.5 of cpu, 64Mi or 2Gi of memory"

ObjectName = Annotated[
    str, Field(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN, json_schema_extra=says(_OBJECT_WORDS))
]
LabelName = Annotated[
    str, Field(min_length=1, max_length=63, pattern=LABEL_NAME, json_schema_extra=says(_CAPABILITY_WORDS))
]
DnsLabel = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL, json_schema_extra=says(_LABEL_WORDS))]
Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[-._a-zA-Z0-9]+$",
        json_schema_extra=says("must be a key of A-Z, a-z, 0-9, '-', '_' and '.'"),
    ),
]
FilePath = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        pattern=RELATIVE_PATH,
        json_schema_extra=says(
            "must be a relative path such as a/b, no part of which is empty, '.' or begins with '..'"
        ),
    ),
]
Quantity = Annotated[
    str,
    Field(
        max_length=32, pattern=QUANTITY, json_schema_extra={"x-kubernetes-int-or-string": True, **says(_QUANTITY_WORDS)}
    ),
    BeforeValidator(_written),
]
EnvName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=ENV_NAME,
        json_schema_extra=says(
            "must be a name of A-Z, a-z, 0-9, '_', '-' and '.' that does not start with a digit, '-' or '.'"
        ),
    ),
]
LabelKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=317,
        pattern=QUALIFIED_NAME,
        json_schema_extra=says(
            "must be a label's key: NAME or prefix.example/NAME, NAME at most 63 of A-Z, a-z, 0-9, '-', '_' and '.'"
        ),
    ),
]
LabelValue = Annotated[
    str,
    Field(
        max_length=63,
        pattern=LABEL_VALUE,
        json_schema_extra=says("must be a label's value: at most 63 of A-Z, a-z, 0-9, '-', '_' and '.', or empty"),
    ),
]


class Model(BaseModel):
    """A part of a spec: what is not named is refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", use_attribute_docstrings=True, frozen=True
    )


class StatusModel(Model):
    """A part of a status: a later version may have written more."""

    model_config = ConfigDict(extra="ignore")


def rule(expression: str, message: str, *, field: str = "", reason: str = "") -> dict[str, str]:
    """One entry of x-kubernetes-validations; the message says what is allowed."""
    entry = {"rule": expression, "message": message}
    if field:
        entry["fieldPath"] = field
    if reason:
        entry["reason"] = reason
    return entry


def rules(*entries: dict[str, str], **extra: Any) -> dict[str, Any]:
    """`json_schema_extra` for rules on a field or model."""
    return {"x-kubernetes-validations": list(entries), **extra}


def keyed(*names: str) -> dict[str, Any]:
    """`json_schema_extra` for a list that is a map by these fields: the API server refuses duplicates."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(names)}


UNSAID: Final[dict[str, Any]] = {"default": None}
"""`json_schema_extra` for a default that the API server does not write into objects: all it keeps of a Task it decodes,
checks and stores again with every write of the status."""
SET: Final[dict[str, Any]] = {"x-kubernetes-list-type": "set"}
ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
