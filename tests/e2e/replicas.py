"""The operator's replicas as the cluster and the machine see them: who leads, which process that is, its restarts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.bed import Bed

SYSTEM = "loadstar-system"

Json = dict[str, Any]
Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


class Replicas:
    """The operator's Pods and their processes on the test bed."""

    def __init__(self, kubectl: Kubectl, bed: Bed) -> None:
        self._kubectl = kubectl
        self._bed = bed

    def pods(self) -> list[Json]:
        """Their Pods, those that are ending left out."""
        found = self._kubectl("get", "pods", "-n", SYSTEM, "-o", "json").stdout
        return [pod for pod in json.loads(found)["items"] if "deletionTimestamp" not in pod["metadata"]]

    def leader(self, seconds: float = 40, other_than: str = "") -> str:
        """The Pod that leads now, once there is one. `other_than`: and it is not this one."""
        end = time.monotonic() + seconds
        while True:
            path = "jsonpath={.spec.holderIdentity}"
            holder = self._kubectl("get", "lease", "loadstar-operator", "-n", SYSTEM, "-o", path).stdout
            if holder and holder.split("_", maxsplit=1)[0] != other_than:
                return str(holder.split("_", maxsplit=1)[0])
            assert time.monotonic() < end, f"nobody but {holder!r} leads"
            time.sleep(0.2)

    def process(self, pod: str) -> int:
        """The process of the operator in this Pod."""
        found = [pid for pid, environment in self._processes() if environment.get("LOADSTAR_POD_NAME") == pod]
        assert len(found) == 1, f"{len(found)} processes of {pod}"
        return found[0]

    def processes(self) -> list[int]:
        """All of them."""
        return [pid for pid, _ in self._processes()]

    def restarts(self) -> dict[str, int]:
        """How often each Pod's container began anew."""
        return {
            pod["metadata"]["name"]: sum(item["restartCount"] for item in pod["status"].get("containerStatuses", ()))
            for pod in self.pods()
        }

    def restart(self, seconds: float = 60) -> None:
        """Let each process end and begin anew in its Pod: a new Pod might go to a node that is only simulated."""
        former = set(self.processes())
        for pid in former:
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + seconds
        while len(set(self.processes()) - former) < len(former) or former & set(self.processes()):
            assert time.monotonic() < end, "the replicas do not come back"
            time.sleep(0.3)
        self.wait_ready()

    def wait_ready(self, seconds: float = 90) -> None:
        """Return once the Deployment is as large as it should be and each of its Pods is ready."""
        end = time.monotonic() + seconds
        while True:
            document = self._kubectl("get", "deployment", "loadstar-operator", "-n", SYSTEM, "-o", "json").stdout
            deployment = json.loads(document)
            wanted, status = deployment["spec"]["replicas"], deployment["status"]
            if status.get("readyReplicas", 0) == wanted == len(self.pods()) == status.get("updatedReplicas", 0):
                return
            if time.monotonic() > end:
                pytest.fail(f"the replicas are not ready: {status}")
            time.sleep(0.3)

    def _processes(self) -> list[tuple[int, dict[str, str]]]:
        found = []
        for node in self._bed.nodes():
            for pid in node.pids():
                try:
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    raw = Path(f"/proc/{pid}/environ").read_bytes()
                except OSError:
                    continue
                if words[:4] == [b"python3", b"-m", b"loadstar", b"run"]:
                    pairs = (item.partition("=") for item in raw.decode(errors="replace").split("\0"))
                    found.append((pid, {name: value for name, _, value in pairs}))
        return found
