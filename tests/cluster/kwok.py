"""Simulated nodes: KWOK plays their kubelets, so that hundreds fit on one machine.

They are called kwok-0, kwok-1 … and labelled type=kwok (real nodes: type=real). Their load is real for everybody
who asks metrics.k8s.io: metrics-server reads it from KWOK, which adds up what the annotations on their Pods say.
A container with the command `simulate SECONDS CODE CODE …` ends as it says there; its Pod may be anybody's. SECONDS may
be a list too, such as 600,0.5: each attempt its own.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.binaries import module_folder
from tests.cluster.controlplane import ControlPlane
from tests.cluster.network import CONTROL_PLANE
from tests.cluster.processes import run
from tests.cluster.tuning import NODE_PODS

NAME = "kwok"
PORT = 10247
NAMESPACE = "kwok-load"
CAPACITY = {"cpu": "32", "memory": "64Gi"}
POD_RANGE = "10.245.0.1/16"
SIMULATE = "simulate"
WRITERS = 8
AT_ONCE = 64
"""Changes of Pods that KWOK writes at a time; its own 4 would be what bounds how fast they start."""
SOURCES = (
    "stage/node/fast/node-initialize.yaml",
    "stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "stage/pod/fast/pod-ready.yaml",
    "metrics/resource/metrics-resource.yaml",
    "metrics/usage/usage-from-annotation.yaml",
)
"""Taken from KWOK's own source as they are."""

Json = dict[str, Any]
_NAMESPACE: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


@dataclass(frozen=True, slots=True)
class Kwok:
    """The simulated nodes of one bed."""

    plane: ControlPlane

    def scale(self, old: int, new: int) -> None:
        """Go from `old` simulated nodes to `new`. Raises BedError."""
        if new:
            self._start()
        if new > old:
            self._add(range(old, new))
        elif new < old:
            self._remove(range(new, old))
        if not new:
            self.plane.daemon(NAME).stop()

    def _start(self) -> None:
        plane = self.plane
        config = plane.folder / "kwok.yaml"
        config.write_text(_config(module_folder("kwok", "sigs.k8s.io/kwok") / "kustomize"))
        others = plane.tuning.simulated_kubelets
        address, port = (CONTROL_PLANE, PORT) if others is None else (plane.network.host_address, others)
        self.plane.daemon(NAME).start(
            plane.inside(
                *(plane.bin / "kwok", "--config", config, "--kubeconfig", plane.folder / "addons.kubeconfig"),
                *("--manage-nodes-with-label-selector", "type=kwok", "--cidr", POD_RANGE),
                *("--node-ip", address, "--node-port", str(port), "--server-address", f"{CONTROL_PLANE}:{PORT}"),
                *("--tls-cert-file", plane.pki.path("kwok.crt"), "--tls-private-key-file", plane.pki.path("kwok.key")),
                *("--node-lease-duration-seconds", str(plane.tuning.node_lease_seconds), "--v", "ERROR"),
            )
        )

    def _add(self, indices: range) -> None:
        """Make nodes, each with a Pod that carries its load."""
        self._kubectl("apply", "-f", "-", document=_NAMESPACE)
        self._kubectl("wait", "--for=create", "serviceaccount/default", "-n", NAMESPACE, "--timeout=30s")
        for make in (self._node, load):
            shares = [[make(index) for index in indices[first::WRITERS]] for first in range(WRITERS)]
            with ThreadPoolExecutor() as pool:
                list(pool.map(self._create, filter(None, shares)))

    def _node(self, index: int) -> Json:
        return node(index, self.plane.tuning.node_pods)

    def _create(self, items: list[Json]) -> None:
        self._kubectl("create", "-f", "-", document={"apiVersion": "v1", "kind": "List", "items": items})

    def _remove(self, indices: range) -> None:
        """Remove nodes; their Pods first, for nobody ends those of a node that is gone."""
        names = [f"kwok-{index}" for index in indices]
        self._kubectl("delete", "pods", "-n", NAMESPACE, "--ignore-not-found", "--wait=false", *names)
        self._kubectl("delete", "nodes", "--ignore-not-found", "--wait=false", *names)

    def _kubectl(self, *arguments: str, document: Json | None = None) -> str:
        folder = self.plane.folder
        command = ("env", f"KUBECACHEDIR={folder}/kube-cache", self.plane.bin / "kubectl")
        text = None if document is None else json.dumps(document)
        return run(*command, "--kubeconfig", folder / "admin.kubeconfig", *arguments, input_text=text)


def node(index: int, pods: int = NODE_PODS) -> Json:
    """A simulated node."""
    name = f"kwok-{index}"
    capacity = {**CAPACITY, "pods": str(pods)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "type": "kwok",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
            "annotations": {"metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{name}/metrics/resource"},
        },
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def load(index: int) -> Json:
    """The Pod that carries a node's load: metrics-server leaves out a node that uses nothing at all."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"kwok-{index}",
            "namespace": NAMESPACE,
            "annotations": {"kwok.x-k8s.io/usage-cpu": "100m", "kwok.x-k8s.io/usage-memory": "256Mi"},
        },
        "spec": {
            "nodeName": f"kwok-{index}",
            "tolerations": [{"operator": "Exists"}],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "load", "image": "simulated"}],
        },
    }


def stages() -> list[Json]:
    """How a Pod ends, as a kubelet would end it: by itself, by its deadline, by its deletion.

    One that is being deleted goes at once. While somebody's finalizer holds it, it stays, its container killed; KWOK's
    own stages for this take no notice of finalizers and exit codes.
    """
    live = ".metadata.deletionTimestamp == null"
    ended = '(.status.phase | IN("Succeeded", "Failed"))'
    held = "((.metadata.finalizers // []) | length > 0)"
    going = "(.metadata.deletionGracePeriodSeconds // 0) > 0"
    return [
        _stage("pod-end", f'{live} and .status.phase == "Running" and {_ENDS}', _patch(_END), seconds=_SECONDS),
        _stage("pod-kill", f"({live} | not) and {held} and ({ended} | not)", _patch(_KILL)),
        _stage("pod-delete", f"({live} | not) and (({held} | not) or ({ended} and {going}))", {"delete": True}),
    ]


_FIRST = ".spec.containers[0]"
_SIMULATED = f'({_FIRST}.command[0]? == "{SIMULATE}")'
_ENDS = (
    f'({_SIMULATED} or .metadata.labels["app.kubernetes.io/managed-by"] == "loadstar"'
    ' or ([.metadata.ownerReferences[]?.kind] | index("Job") != null))'
)
_ATTEMPT = f'([{_FIRST}.env[]? | select(.name == "LOADSTAR_ATTEMPT") | .value | tonumber] | first // 1)'
_SECONDS = (
    f'(if {_SIMULATED} then {_ATTEMPT} as $n | {_FIRST}.command[1] / "," | .[([$n, length] | min) - 1] | tonumber'
    ' else 1 end) as $run | ([$run, (.spec.activeDeadlineSeconds // $run)] | min | tostring) + "s"'
)
"""What is not simulated by command ends well after a second."""

_CONTAINERS = """
conditions:
- {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $started := $now }}
{{ with $root.status.containerStatuses }}{{ with (index . $index).state.running }}
{{ $started = .startedAt }}
{{ end }}{{ end }}
- name: {{ $item.name | Quote }}
  image: {{ $item.image | Quote }}
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: {{ $code }}
      reason: {{ if eq $code 0 }}Completed{{ else }}Error{{ end }}
      startedAt: {{ $started | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
"""
_END = (
    """{{ $now := Now }}{{ $root := . }}{{ $code := 0 }}{{ $attempt := 1 }}{{ $late := false }}
{{ with index .spec.containers 0 }}
{{ range .env }}{{ if eq .name "LOADSTAR_ATTEMPT" }}{{ $attempt = atoi (default "1" .value) }}{{ end }}{{ end }}
{{ if .command }}{{ if eq (index .command 0) "simulate" }}
{{ $codes := slice .command 2 }}
{{ if $codes }}{{ $code = atoi (index $codes (int (sub (min $attempt (len $codes)) 1))) }}{{ end }}
{{ $times := splitList "," (index .command 1) }}
{{ $seconds := index $times (int (sub (min $attempt (len $times)) 1)) }}
{{ with $root.spec.activeDeadlineSeconds }}{{ $late = lt (float64 .) (float64 $seconds) }}{{ end }}
{{ end }}{{ end }}
{{ end }}
{{ if $late }}{{ $code = 137 }}
phase: Failed
reason: DeadlineExceeded
message: Pod was active on the node longer than the specified deadline
{{ else if eq $code 0 }}
phase: Succeeded
{{ else }}
phase: Failed
{{ end }}"""
    + _CONTAINERS
)
_KILL = "{{ $now := Now }}{{ $root := . }}{{ $code := 137 }}\nphase: Failed" + _CONTAINERS


def _stage(name: str, when: str, step: Json, seconds: str = "") -> Json:
    spec: Json = {
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {"matchExpressions": [{"jq": {"key": when, "operator": "In", "values": ["true"]}}]},
        "steps": [step],
    }
    if seconds:
        spec["delay"] = {"durationMilliseconds": 0, "durationFrom": {"jq": {"expression": seconds}}}
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _patch(template: str) -> Json:
    return {"patch": {"subresource": "status", "root": "status", "template": template}}


def _config(source: Path) -> str:
    documents = [(source / name).read_text() for name in SOURCES]
    options: Json = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {
            "podPlayStageParallelism": AT_ONCE,
            "nodePlayStageParallelism": 4,
            "nodeLeaseParallelism": 4,
            "podsOnNodeSyncParallelism": 4,
        },
    }
    return "\n---\n".join([*documents, *map(yaml.safe_dump, [options, *stages()])])
