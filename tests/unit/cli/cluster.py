"""An API server in memory, for commands that only read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadstar.api import API_VERSION, TASK_LABEL, TASK_UID_LABEL
from loadstar.runtime.ports import Forbidden, NotFound

Json = dict[str, Any]
UNMEASURED = {"cpu": "None", "memory": "None"}
POLICY = f"/apis/{API_VERSION}/placementpolicies/default"


class FakeClient:
    """Objects by path; lists come in pages of one. `refused`: paths that the user may not read."""

    def __init__(self, refused: tuple[str, ...] = (), **objects: Json) -> None:
        self.refused = refused
        self.objects: dict[str, Json] = {
            POLICY: {"metadata": {"generation": 1}, "spec": {"metrics": {"sources": UNMEASURED}}},
            "/api/v1/nodes": {"items": []},
            "/api/v1/pods": {"items": []},
            f"/apis/{API_VERSION}/tasks": {"items": []},
        }
        self.objects.update(objects)

    async def get(self, path: str) -> Json:
        return await self.request("GET", path)

    async def request(self, _: str, path: str, *, params: Mapping[str, str] | None = None) -> Json:
        if path in self.refused:
            raise Forbidden(path)
        if path not in self.objects:
            raise NotFound(path)
        found = self.objects[path]
        if params is None:
            return found
        items = [item for item in found["items"] if selected(item, params.get("fieldSelector", ""))]
        at = int(params.get("continue", "0"))
        more = {"continue": str(at + 1)} if at + 1 < len(items) else {}
        return {"items": items[at : at + 1], "metadata": more}


def selected(item: Json, selector: str) -> bool:
    return not selector or item["status"]["state"] == selector.partition("=")[2]


def node(name: str, **spec: Any) -> Json:
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def task(name: str, state: str = "PENDING", **status: Any) -> Json:
    return {
        "metadata": {"namespace": "ns", "name": name, "uid": f"uid-{name}", "resourceVersion": "1"},
        "spec": {"worker": {"image": "x", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}},
        "status": {"state": state, **status},
    }


def pod(name: str, node_name: str, cpu: str, owner: str = "") -> Json:
    """Of the Task `owner`, or of somebody else."""
    marks: Json = {}
    if owner:
        marks["labels"] = {TASK_UID_LABEL: f"uid-{owner}", TASK_LABEL: owner}
        marks["ownerReferences"] = [{"apiVersion": API_VERSION, "kind": "Task", "name": owner, "uid": f"uid-{owner}"}]
    return {
        "metadata": {"namespace": "ns", "name": name, "uid": f"uid-{name}", "resourceVersion": "1", **marks},
        "spec": {"nodeName": node_name, "containers": [{"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]},
        "status": {"phase": "Running"},
    }
