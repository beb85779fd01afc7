"""The status of TaskQueues at the API server: the runtime's port `QueueObjects`."""

from __future__ import annotations

from loadstar.api import API_VERSION, QUEUE_PLURAL
from loadstar.api.occupancy import status_document
from loadstar.core.occupancy import QueueStatus
from loadstar.kube.client import MERGE_PATCH, METADATA_ONLY, Client
from loadstar.kube.cluster import path_of
from loadstar.runtime.queues import Name


def queues_path(namespace: str, *name: str) -> str:
    """The path of a namespace's TaskQueues, of one, or of its subresource. Raises ValueError for an empty name."""
    return path_of("apis", *API_VERSION.split("/"), "namespaces", namespace, QUEUE_PLURAL, *name)


class KubeQueues:
    """Writes of the status; the watch is `handlers`'."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def write_queue_status(self, name: Name, status: QueueStatus, now: float) -> None:
        """PATCH it: lists are replaced whole, and what is no more is null."""
        body = {"status": status_document(status, now)}
        path = queues_path(*name, "status")
        await self._client.request("PATCH", path, body, content_type=MERGE_PATCH, accept=METADATA_ONLY)
