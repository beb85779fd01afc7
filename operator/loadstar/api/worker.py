"""What a Task may run: a narrow, typed part of a Pod.

There is no Pod template, no patch and no free-form field at any depth: who may create Tasks may run a restricted
container in that namespace, and nothing else. What is filled in is `loadstar.kube.manifests`'.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from loadstar.api.base import ATOMIC, QUALIFIED_NAME, Model, ObjectName, Quantity, keyed, rule, rules, says
from loadstar.api.environment import EnvFrom, EnvVar
from loadstar.api.volumes import Volume, VolumeMount

_WHICH: Final = "must be cpu, memory, ephemeral-storage or an extended resource such as nvidia.com/gpu"
_OWN: Final = "['cpu', 'memory', 'ephemeral-storage']"
_NAMES: Final = f".all(k, k in {_OWN} || (k.contains('/') && !k.contains('kubernetes.io/')))"

ResourceName = Annotated[
    str, Field(min_length=1, max_length=253, pattern=QUALIFIED_NAME, json_schema_extra=says(_WHICH))
]


class Resources(Model):
    """What the container asks for and may use."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || "
                "!isQuantity(string(self.requests[k])) || !isQuantity(string(self.limits[k])) || "
                "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
                "must request at most the limit of each resource",
            ),
            rule(
                f"!has(self.requests) || self.requests.all(k, k in {_OWN} || (has(self.limits) && k in self.limits && "
                "string(self.requests[k]) == string(self.limits[k])))",
                "must give an extended resource a limit, and no request but the same",
                field=".requests",
            ),
        )
    )

    requests: (
        Annotated[
            dict[ResourceName, Quantity], Field(max_length=16, json_schema_extra=rules(rule(f"self{_NAMES}", _WHICH)))
        ]
        | None
    ) = None
    """What kube-scheduler sets aside, by resource: cpu, memory, ephemeral-storage or an extended resource. Half a core
    is 500m or, in quotes, "0.5"."""
    limits: (
        Annotated[
            dict[ResourceName, Quantity],
            Field(
                max_length=16,
                json_schema_extra=rules(
                    rule(f"self{_NAMES}", _WHICH),
                    rule(
                        f"self.all(k, k in {_OWN} || string(self[k]).matches('^[0-9]+$'))",
                        "must give an extended resource as a whole number, such as 1",
                    ),
                ),
            ),
        ]
        | None
    ) = None
    """What the container may use at most, by resource."""


class SecretName(Model):
    """A Secret by name."""

    name: ObjectName
    """Name of a Secret that whoever creates the Task may read."""


class SecurityContext(Model):
    """Only what tightens or shifts: the container never runs as root, never gains privileges, has no capabilities."""

    run_as_user: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """User number, 1 or more; 65532 unless said otherwise."""
    run_as_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """Group number, 1 or more; 65532 unless said otherwise."""
    fs_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """Group that owns mounted volumes, 1 or more; 65532 unless said otherwise."""
    supplemental_groups: (
        Annotated[list[Annotated[int, Field(ge=1, le=2147483647)]], Field(max_length=16, json_schema_extra=ATOMIC)]
        | None
    ) = None
    """Further groups, each 1 or more."""
    read_only_root_filesystem: bool = True
    """false lets the container write to its own root file system; /tmp is writable in any case."""


class Worker(Model):
    """The container to run."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && "
                "self.volumes.exists(v, v.name == m.name))",
                "must mount only volumes that this worker names under volumes",
                field=".volumeMounts",
            ),
        )
    )

    image: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$",
            json_schema_extra=says("must be an image such as registry.example/team/resize:1.4, without spaces"),
        ),
    ]
    """The container image."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When to pull it; as Kubernetes defaults it."""
    command: (
        Annotated[list[Annotated[str, Field(max_length=32768)]], Field(max_length=256, json_schema_extra=ATOMIC)] | None
    ) = None
    """The program; the image's entry point unless said otherwise."""
    args: (
        Annotated[list[Annotated[str, Field(max_length=32768)]], Field(max_length=1024, json_schema_extra=ATOMIC)]
        | None
    ) = None
    """Its arguments."""
    working_dir: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The folder to start in."""
    env: Annotated[list[EnvVar], Field(max_length=256, json_schema_extra=keyed("name"))] | None = None
    """Environment variables. HOME is /tmp unless named; LOADSTAR_* are the operator's."""
    env_from: Annotated[list[EnvFrom], Field(max_length=16, json_schema_extra=ATOMIC)] | None = None
    """Variables from ConfigMaps and Secrets."""
    resources: Resources | None = None
    """Requests and limits."""
    volumes: Annotated[list[Volume], Field(max_length=32, json_schema_extra=keyed("name"))] | None = None
    """Volumes."""
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=32, json_schema_extra=keyed("mountPath"))] | None = (
        None
    )
    """Where volumes appear."""
    image_pull_secrets: Annotated[list[SecretName], Field(max_length=8, json_schema_extra=keyed("name"))] | None = None
    """Secrets to pull the image with."""
    service_account_name: ObjectName | None = None
    """A ServiceAccount that whoever creates the Task may use; its token is never mounted."""
    runtime_class_name: ObjectName | None = None
    """A RuntimeClass."""
    priority_class_name: (
        Annotated[
            ObjectName,
            Field(
                json_schema_extra=rules(
                    rule("!self.startsWith('system-')", "must be a PriorityClass outside system-*"),
                )
            ),
        ]
        | None
    ) = None
    """A PriorityClass for the Pod; the order of Tasks is spec.priority."""
    termination_grace_period_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Seconds from SIGTERM to SIGKILL; 30 unless said otherwise."""
    security_context: SecurityContext | None = None
    """User and group numbers, and whether the root file system may be written."""
