"""What the cases stand on: a bed with simulated nodes, our kinds and rights in it, and the operator's own account.

The proxies reach the API server as the chart's ServiceAccount, so that a right the chart lacks shows here.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster import packages
from tests.cluster.bed import Bed
from tests.faults.api import TASKS, Api, ApiError
from tests.faults.history import Event, Json
from tests.faults.process import FAKETIME

ROOT = Path(__file__).parents[2]
SYSTEM = "loadstar-system"
ACCOUNT = "loadstar-operator"
NODES = 12
SERVED_ANEW_SECONDS = 15.0
PAIR = "faults.loadstar.dev/pair"
CLOSED, UNREADY, OPEN = f"kwok-{NODES - 2}", "faults-unready", f"kwok-{NODES - 1}"
"""The nodes with the label PAIR: one cordoned, one never Ready, one to run on."""
KINDS = frozenset(
    {
        "CustomResourceDefinition",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)
_DENIED = "faults-no-pods"


@dataclass(frozen=True, slots=True)
class Ground:
    """A prepared bed."""

    api: Api
    token: str
    lease_rights: tuple[Json, ...]
    nodes: tuple[Event, ...]

    async def namespace(self, name: str, labels: dict[str, str]) -> None:
        """Make a case's namespace, restricted, with the right to the Lease that lives in it."""
        enforced = {"pod-security.kubernetes.io/enforce": "restricted", **labels}
        await self.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": enforced}})
        for item in self.lease_rights:
            moved = {**item, "metadata": {"name": item["metadata"]["name"], "namespace": name}}
            kind = f"{item['kind'].lower()}s"
            await self.api.call("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/{kind}", moved)

    async def clear(self, name: str) -> None:
        """Delete a case's namespace; what an operator that is gone no longer releases is released here."""
        for kind, path in (("tasks", TASKS), ("pods", "/api/v1")):
            items = (await self.api.call("GET", f"{path}/namespaces/{name}/{kind}"))["items"]
            for item in items:
                if item["metadata"].get("finalizers"):
                    gone = {"metadata": {"finalizers": None}}
                    where = f"{path}/namespaces/{name}/{kind}/{item['metadata']['name']}"
                    with contextlib.suppress(ApiError):
                        await self.api.call("PATCH", where, gone, content="application/merge-patch+json")
        await self.api.call("DELETE", f"/api/v1/namespaces/{name}")


def bring_up(name: str) -> Bed:
    """A bed for the battery: one real node, for nothing but the control plane's sake, and simulated ones."""
    packages.require_root()
    packages.install({}, {str(FAKETIME): "libfaketime"})
    bed = Bed(name)
    # A case without load samples places otherwise than one with them.
    bed.up(nodes=1, simulated=NODES, wait_metrics=True)
    return bed


@asynccontextmanager
async def prepare(bed: Bed) -> AsyncIterator[Ground]:
    """Give the bed what the cases need."""
    plane = bed.plane()
    context = ssl.create_default_context(cafile=str(plane.pki.path("ca.crt")))
    context.load_cert_chain(plane.pki.path("admin.crt"), plane.pki.path("admin.key"))
    documents = [item for item in yaml.safe_load_all((ROOT / "manifests/rendered.yaml").read_text()) if item]
    wanted = [item for item in documents if item["kind"] in KINDS]
    _apply(bed, [*wanted, *_denial()])
    for name in (CLOSED, OPEN):
        bed.kubectl("label", "node", name, f"{PAIR}=yes", "--overwrite")
    bed.kubectl("cordon", CLOSED)
    bed.kubectl("apply", "-f", "-", input_text=yaml.safe_dump(_unready()))
    async with Api(plane.server, context) as api:
        with contextlib.suppress(ApiError):
            policy = {"apiVersion": "loadstar.dev/v1alpha1", "kind": "PlacementPolicy", "metadata": {"name": "default"}}
            await api.call("POST", f"{TASKS}/placementpolicies", {**policy, "spec": {}})
        path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{ACCOUNT}/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}
        token = (await api.call("POST", path, asked))["status"]["token"]
        nodes = (await api.call("GET", "/api/v1/nodes"))["items"]
        events = tuple(
            Event(int(node["metadata"]["resourceVersion"]), time.monotonic(), "Node", "ADDED", node) for node in nodes
        )
        rights = tuple(item for item in wanted if item["kind"] in {"Role", "RoleBinding"})
        yield Ground(api, token, rights, events)


def _apply(bed: Bed, documents: list[Json]) -> None:
    """Apply them; a kind that was there and changed is served anew after a while, and watches before that are lost."""
    kinds = [f"crd/{kind}.loadstar.dev" for kind in ("tasks", "taskqueues", "placementpolicies", "taskprofiles")]
    generations = ("get", *kinds, "--ignore-not-found", "-o", "jsonpath={.items[*].metadata.generation}")
    before = bed.kubectl(*generations)
    bed.kubectl("create", "namespace", SYSTEM, check=False)
    text = yaml.safe_dump_all(documents)
    bed.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input_text=text)
    bed.kubectl("wait", "--for=condition=Established", *kinds)
    if before and bed.kubectl(*generations) != before:
        time.sleep(SERVED_ANEW_SECONDS)


def _unready() -> Json:
    labels = {PAIR: "yes", "kubernetes.io/hostname": UNREADY, "type": "none"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": UNREADY, "labels": labels}}


def _denial() -> list[Json]:
    """An admission policy that denies every Pod in namespaces with the label faults-no-pods=yes."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    version, kind = "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"
    labelled = {"namespaceSelector": {"matchLabels": {_DENIED: "yes"}}}
    return [
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": _DENIED},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "false", "message": "no Pods here"}],
            },
        },
        {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": {"name": _DENIED},
            "spec": {"policyName": _DENIED, "validationActions": ["Deny"], "matchResources": labelled},
        },
    ]
