"""The ground of L3: three real nodes with quotas of their own, the operator beside them, and others on them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.live.real_trace import CORES, NODES, Kind
from bench.throughput.ground import Ground
from bench.throughput.session import RequestError, Session
from tests.cluster.cgroups import NODE_CPU_MILLICORES
from tests.cluster.tuning import Tuning

Json = dict[str, Any]

OTHERS = "bench-others"
OTHERS_PODS = f"/api/v1/namespaces/{OTHERS}/pods"
POLICY = "/apis/loadstar.dev/v1alpha1/placementpolicies/default"
METRIC_SECONDS = 10
START_SECONDS = 60.0
SETTLE_SECONDS = 25.0
"""Until what has just begun shows in metrics: a window of metrics-server, its period, and the operator's look."""
EVERY_SECONDS = 0.5


class RealGround(Ground):
    """A bed of three real nodes; the operator runs beside them, so that they are the Tasks' and the others' alone."""

    def __init__(self, name: str, root: Path, logs: Path) -> None:
        """Kubelets may be asked through the API server."""
        super().__init__(name, root, logs, Tuning(metric_seconds=METRIC_SECONDS), ("loadSources.kubelet.access=Proxy",))
        if round(CORES * 1000) != NODE_CPU_MILLICORES:
            raise ValueError(f"nodes of the bed have {NODE_CPU_MILLICORES} millicores, the trace is made for {CORES}")

    def up_real(self) -> None:
        """Bring it up, with metrics."""
        self.up(0, len(NODES))
        self.bed.kubectl("create", "namespace", OTHERS)
        self.bed.kubectl("wait", "--for=create", "serviceaccount/default", "-n", OTHERS, "--timeout=30s")
        self.bed.wait_metrics(len(NODES))

    async def settle(self, session: Session, others: Mapping[str, Kind], per_second: float) -> None:
        """Let these others run on their nodes, and nobody else; return when metrics show them. Raises TimeoutError."""
        await session.empty(OTHERS_PODS)
        await self._until(session, lambda pods: not pods, "the others before do not end")
        for node, kind in others.items():
            await session.call("POST", OTHERS_PODS, pod(node, kind, per_second))
        await self._until(
            session,
            lambda pods: [item["status"]["phase"] for item in pods] == ["Running"] * len(others),
            "the others do not run",
        )
        await asyncio.sleep(SETTLE_SECONDS)

    async def edit(self, session: Session, **spec: Any) -> None:
        """Change the PlacementPolicy, once the operator has made it. Raises RequestError."""
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                await session.call("PATCH", POLICY, {"spec": spec}, headers={"Content-Type": MERGE})
            except RequestError as error:
                if error.status != 404 or time.monotonic() > end:
                    raise
                await asyncio.sleep(EVERY_SECONDS)
            else:
                return

    async def _until(self, session: Session, done: Any, what: str) -> None:
        end = time.monotonic() + START_SECONDS
        while not done((await session.json("GET", OTHERS_PODS))["items"]):
            if time.monotonic() > end:
                raise TimeoutError(what)
            await asyncio.sleep(EVERY_SECONDS)


MERGE = "application/merge-patch+json"


def pod(node: str, kind: Kind, per_second: float) -> Json:
    """Others on a node: bound to it past kube-scheduler, as Pods of before would be."""
    worker = kind.burner.worker(per_second, kind.requests)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{kind.name}-{node}", "namespace": OTHERS},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [{"name": "burn", **worker, "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}],  # noqa: S108 - in the container
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }
