"""Volumes of a worker: no path of the node, no ServiceAccount token, at any depth."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from loadstar.api.base import ATOMIC, DnsLabel, FilePath, Key, Model, ObjectName, Quantity, rule, rules, says
from loadstar.api.environment import FieldSelector


class KeyToPath(Model):
    """One key as one file."""

    key: Key
    """The key."""
    path: FilePath
    """The file, relative to the volume."""
    mode: Annotated[int, Field(ge=0, le=511)] | None = None
    """Its permission bits, 0 to 511 (0777)."""


class EmptyDir(Model):
    """An empty folder that lives as long as the Pod."""

    medium: Literal["", "Memory"] = ""
    """Memory: kept in memory and counted as such."""
    size_limit: Quantity | None = None
    """How large it may grow."""


class ConfigMapVolume(Model):
    """A ConfigMap's keys as files."""

    name: ObjectName
    """Name of the ConfigMap."""
    items: Annotated[list[KeyToPath], Field(max_length=64, json_schema_extra=ATOMIC)] | None = None
    """Only these keys."""
    default_mode: Annotated[int, Field(ge=0, le=511)] | None = None
    """Permission bits of the files, 0 to 511 (0777)."""
    optional: bool = False
    """Whether the Pod starts although it is missing."""


class SecretVolume(Model):
    """A Secret's keys as files."""

    secret_name: ObjectName
    """Name of a Secret that whoever creates the Task may read."""
    items: Annotated[list[KeyToPath], Field(max_length=64, json_schema_extra=ATOMIC)] | None = None
    """Only these keys."""
    default_mode: Annotated[int, Field(ge=0, le=511)] | None = None
    """Permission bits of the files, 0 to 511 (0777)."""
    optional: bool = False
    """Whether the Pod starts although it is missing."""


class ClaimVolume(Model):
    """A PersistentVolumeClaim."""

    claim_name: ObjectName
    """Name of the claim."""
    read_only: bool = False
    """Mount it read-only."""


class ProjectedObject(Model):
    """A ConfigMap or Secret as part of a projected volume."""

    name: ObjectName
    """Its name."""
    items: Annotated[list[KeyToPath], Field(max_length=64, json_schema_extra=ATOMIC)] | None = None
    """Only these keys."""
    optional: bool = False
    """Whether the Pod starts although it is missing."""


class DownwardFile(Model):
    """A field of the Pod as a file."""

    path: FilePath
    """The file, relative to the volume."""
    field_ref: FieldSelector
    """The field."""


class Downward(Model):
    """Fields of the Pod as files."""

    items: Annotated[list[DownwardFile], Field(min_length=1, max_length=32, json_schema_extra=ATOMIC)]
    """The files."""


class Projection(Model):
    """One source of a projected volume: exactly one of the three. ServiceAccount tokens are not among them."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.configMap), has(self.secret), has(self.downwardAPI)].filter(x, x).size() == 1",
                "must name exactly one of configMap, secret and downwardAPI",
            )
        )
    )

    config_map: ProjectedObject | None = None
    """A ConfigMap."""
    secret: ProjectedObject | None = None
    """A Secret that whoever creates the Task may read."""
    downward_api: Annotated[Downward | None, Field(alias="downwardAPI")] = None
    """Fields of the Pod."""


class Projected(Model):
    """Several sources in one folder."""

    sources: Annotated[list[Projection], Field(min_length=1, max_length=16, json_schema_extra=ATOMIC)]
    """The sources."""
    default_mode: Annotated[int, Field(ge=0, le=511)] | None = None
    """Permission bits of the files, 0 to 511 (0777)."""


class Volume(Model):
    """One volume: exactly one source. Paths of the node are not among them."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.emptyDir), has(self.configMap), has(self.secret), has(self.persistentVolumeClaim), "
                "has(self.projected)].filter(x, x).size() == 1",
                "must name exactly one of emptyDir, configMap, secret, persistentVolumeClaim and projected",
            ),
            rule("self.name != 'loadstar-tmp'", "must be a name other than loadstar-tmp, which the operator uses"),
        )
    )

    name: DnsLabel
    """Its name, a DNS label."""
    empty_dir: EmptyDir | None = None
    """An empty folder."""
    config_map: ConfigMapVolume | None = None
    """A ConfigMap."""
    secret: SecretVolume | None = None
    """A Secret."""
    persistent_volume_claim: ClaimVolume | None = None
    """A claim."""
    projected: Projected | None = None
    """Several sources in one folder."""


class VolumeMount(Model):
    """Where a volume appears in the container."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """Name of a volume of this worker."""
    mount_path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            pattern=r"^/[^:]*$",
            json_schema_extra=says("must be an absolute path such as /data, without ':'"),
        ),
    ]
    """The folder, an absolute path."""
    sub_path: FilePath | None = None
    """A path inside the volume."""
    read_only: bool = False
    """Mount it read-only."""
