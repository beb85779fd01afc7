"""The ground of all models of the wire: camelCase names, no unknown fields, and the types that several share."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL_NAME: Final = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
QUALIFIED_NAME: Final = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
LABEL_VALUE: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
QUANTITY: Final = r"^[0-9]+(\.[0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi|e[0-9]{1,2})?$"
ENV_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_.-]*$"

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]
LabelName = Annotated[str, Field(min_length=1, max_length=63, pattern=LABEL_NAME)]
TypeName = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
Key = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
Quantity = Annotated[
    str, Field(max_length=32, pattern=QUANTITY, json_schema_extra={"x-kubernetes-int-or-string": True})
]
Path = Annotated[str, Field(min_length=1, max_length=1024)]


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


SET: Final[dict[str, Any]] = {"x-kubernetes-list-type": "set"}
ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
