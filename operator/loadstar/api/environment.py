"""Environment variables of a worker: values, ConfigMaps, Secrets and the Pod's own fields."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from loadstar.api.base import EnvName, Key, Model, ObjectName, Quantity, rule, rules, says

_FIELD_PATH: Final = (
    r"^(metadata\.(name|namespace|uid)|metadata\.(labels|annotations)\['[^']+'\]"
    r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|podIP|hostIPs|podIPs))$"
)


class KeySelector(Model):
    """One key of a ConfigMap or Secret of the Task's namespace."""

    name: ObjectName
    """Name of the ConfigMap or Secret."""
    key: Key
    """The key whose value is taken."""
    optional: bool = False
    """Whether the container starts although the object or key is missing."""


class FieldSelector(Model):
    """A field of the Pod itself."""

    field_path: Annotated[
        str,
        Field(
            max_length=317,
            pattern=_FIELD_PATH,
            json_schema_extra=says(
                "must be metadata.name, .namespace, .uid, .labels['KEY'] or .annotations['KEY'], spec.nodeName or "
                ".serviceAccountName, status.hostIP, .hostIPs, .podIP or .podIPs"
            ),
        ),
    ]
    """Path of the field, such as metadata.name or spec.nodeName."""


class ResourceFieldSelector(Model):
    """A request or limit of the container."""

    resource: Literal[
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
    ]
    """Such as limits.memory."""
    divisor: Quantity = "1"
    """The unit in which the value is given, such as 1Mi."""


class EnvSource(Model):
    """Where a variable's value comes from: exactly one of the four."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), has(self.resourceFieldRef)]"
                ".filter(x, x).size() == 1",
                "must name exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef",
            )
        )
    )

    config_map_key_ref: KeySelector | None = None
    """A key of a ConfigMap."""
    secret_key_ref: KeySelector | None = None
    """A key of a Secret that whoever creates the Task may read."""
    field_ref: FieldSelector | None = None
    """A field of the Pod."""
    resource_field_ref: ResourceFieldSelector | None = None
    """A request or limit of the container."""


class EnvVar(Model):
    """One environment variable."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("!(has(self.value) && has(self.valueFrom))", "must have value or valueFrom, not both"),
            rule(
                "!self.name.startsWith('LOADSTAR_')",
                "must be a name outside LOADSTAR_*, which the operator sets itself",
                field=".name",
            ),
        )
    )

    name: EnvName
    """Name of the variable."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """Its value; $(NAME) refers to an earlier variable."""
    value_from: EnvSource | None = None
    """Where its value comes from."""


class ObjectReference(Model):
    """A ConfigMap or Secret of the Task's namespace."""

    name: ObjectName
    """Its name."""
    optional: bool = False
    """Whether the container starts although it is missing."""


class EnvFrom(Model):
    """All keys of a ConfigMap or Secret as variables: exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.configMapRef) != has(self.secretRef)", "must name exactly one of configMapRef and secretRef")
        )
    )

    prefix: EnvName | None = None
    """Put before each name."""
    config_map_ref: ObjectReference | None = None
    """A ConfigMap."""
    secret_ref: ObjectReference | None = None
    """A Secret that whoever creates the Task may read."""
